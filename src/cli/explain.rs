//! `explain`: what an error means, and what mends it.

use clap::Args;

use crate::explanation::Explanation;
use crate::{error::Error, status::Status};

/// Say what an error means, and what mends it
///
/// Takes a name (DELEGATION_TOKEN_OWNER_MISMATCH), a number (63, -1063) or a whole line of a log. Without any
/// it prints all that it knows, as Markdown.
#[derive(Args)]
pub(super) struct Arguments {
    /// The error
    #[arg(value_name = "ERROR", allow_hyphen_values = true)]
    error: Vec<String>,
}

impl Arguments {
    pub(super) fn run(&self) -> Result<(), Error> {
        if self.error.is_empty() {
            print!("{}", page());
            return Ok(());
        }
        let text = self.error.join(" ");
        let found = Explanation::find(&text);
        if found.is_empty() {
            let names: Vec<&str> = Explanation::all().iter().map(|known| known.name).collect();
            let text = format!("no error is known in {text:?}; known are {}", names.join(", "));
            return Err(Error::new(Status::INVALID_ARGUMENT, text));
        }
        for known in found {
            let origin = match known.origin() {
                origin if origin.is_empty() => origin,
                origin => format!(" ({origin})"),
            };
            println!("{}{origin}", known.name);
            println!("  what it means:  {}", known.means);
            println!("  what mends it:  {}", known.mend);
        }
        Ok(())
    }
}

/// docs/troubleshooting.md.
fn page() -> String {
    let mut page = PREFACE.to_owned();
    for known in Explanation::all() {
        let name = known.name.replace('|', "\\|");
        let origin = known.origin();
        page += &format!("| `{name}` | {origin} | {} | {} |\n", known.means, known.mend);
    }
    page
}

const PREFACE: &str = "\
# What errors mean, and what mends them

`scramtoken explain ERROR` says the same for a name, a number, or a whole line of a log. (This page is what \
`scramtoken explain` prints.)

| error | | what it means | what mends it |
|---|---|---|---|
";
