//! What may be shown as it is. Names are other people's, and a terminal acts on some characters.

/// Whether a character would be acted on and not seen: controls (C0, DEL and C1), separators of lines,
/// marks and overrides of the direction of writing, and whatever else has no width of its own.
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}
