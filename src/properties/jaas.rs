//! The value of `sasl.jaas.config`: one login module with its options.

use core::fmt;
use core::iter::Peekable;
use core::str::Chars;
use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::{error::Error, scram::ClientCredential, status::Status};

/// A login module and its options, such as `...ScramLoginModule required username="alice" ...;`.
pub(crate) struct LoginModule {
    class: String,
    options: BTreeMap<String, Zeroizing<String>>,
}

impl LoginModule {
    /// Reads what Kafka's own parser does, and refuses what that would take for something else.
    ///
    /// # Errors
    ///
    /// `CORRUPT`, for anything but one module. Nothing of the line is in the text: where it is
    /// malformed, a piece of a password may stand anywhere.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let mut tokens = Tokens(text.chars().peekable());
        let class = match tokens.next()? {
            Some(Token::Word(class)) => class.as_str().to_owned(),
            Some(_) => return Err(malformed("it does not begin with a login module's class")),
            None => return Err(malformed("it is empty")),
        };
        let flag = tokens.next()?;
        if !matches!(&flag, Some(Token::Word(flag)) if is_control_flag(flag)) {
            return Err(malformed(
                "`required`, or another control flag, must follow the login module's class",
            ));
        }
        let mut options = BTreeMap::new();
        for number in 1.. {
            let name = match tokens.next()? {
                Some(Token::Symbol(';')) => break,
                Some(Token::Word(name)) => name.as_str().to_owned(),
                Some(Token::Symbol(_)) => {
                    return Err(malformed(format_args!(
                        "option {number} does not begin with a name; a value with other than \
                         letters, digits, `.`, `-`, `_` and `$` must be in double quotes"
                    )));
                }
                None => return Err(malformed("the semicolon at its end is missing")),
            };
            let value = match (tokens.next()?, tokens.next()?) {
                (Some(Token::Symbol('=')), Some(Token::Word(value))) => value,
                _ => {
                    return Err(malformed(format_args!(
                        "option {number} has no value; a value with blanks, or one that begins with \
                         a digit or a sign, must be in double quotes"
                    )));
                }
            };
            options.insert(name, value);
        }
        if tokens.next()?.is_some() {
            return Err(malformed("it has more than one login module"));
        }
        Ok(Self { class, options })
    }

    /// The line by which Kafka's own module logs in with a token, for [`parse`](Self::parse) to read. In
    /// a properties file it needs no escapes.
    ///
    /// # Errors
    ///
    /// `MALFORMED` for an id that could say something else in the line.
    pub(crate) fn token_line(id: &str, hmac: &str) -> Result<Zeroizing<String>, Error> {
        // Kafka's ids are base64 for URLs.
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !id.bytes().all(is_plain) {
            let text = format!(
                "the token's id {id:?} is not one of Kafka's: sasl.jaas.config cannot hold it"
            );
            return Err(Error::new(Status::MALFORMED, text));
        }
        Ok(Zeroizing::new(format!(
            "{SCRAM_LOGIN_MODULE} required username=\"{id}\" password=\"{hmac}\" \
             tokenauth=\"true\";"
        )))
    }

    /// The class, such as `org.apache.kafka.common.security.scram.ScramLoginModule`, where what stands
    /// in its place looks like one, and is not, say, a password.
    pub(crate) fn shown_class(&self) -> &str {
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$');
        let is_class = self.class.ends_with("LoginModule") && self.class.bytes().all(is_plain);
        if is_class { &self.class } else { "its login module" }
    }

    /// Whether the class has this name in whatever package: vendors shade Kafka's.
    pub(crate) fn is_class(&self, simple_name: &str) -> bool {
        self.class.rsplit('.').next() == Some(simple_name)
    }

    /// An option's value.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(|value| value.as_str())
    }

    /// All options and their values, in the order of their names.
    pub(crate) fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// An option's value, which must be there and not be empty.
    ///
    /// # Errors
    ///
    /// `CORRUPT`.
    pub(crate) fn required_option(&self, name: &str) -> Result<&str, Error> {
        self.option(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let class = self.shown_class();
            malformed(format_args!("the option {name:?} of {class} is missing or empty"))
        })
    }

    /// Whether a ScramLoginModule says that its user is a delegation token: `tokenauth` is `true`,
    /// in whatever case.
    pub(crate) fn is_token(&self) -> bool {
        self.option("tokenauth").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// What a ScramLoginModule logs in with: a password, or with `tokenauth` a delegation token.
    ///
    /// # Errors
    ///
    /// `CORRUPT` when this is another module, or the user name or the password is missing.
    pub(crate) fn scram_credential(&self) -> Result<ClientCredential, Error> {
        if !self.is_class("ScramLoginModule") {
            let class = self.shown_class();
            return Err(malformed(format_args!("{class} is not ScramLoginModule")));
        }
        let username = self.required_option("username")?.as_bytes();
        let password = self.required_option("password")?.as_bytes();
        if self.is_token() {
            ClientCredential::token(username, password)
        } else {
            ClientCredential::password(username, password)
        }
    }
}

impl fmt::Debug for LoginModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginModule({}, ..)", self.shown_class())
    }
}

/// Kafka's own.
const SCRAM_LOGIN_MODULE: &str = "org.apache.kafka.common.security.scram.ScramLoginModule";

fn malformed(what: impl fmt::Display) -> Error {
    Error::new(Status::CORRUPT, format!("sasl.jaas.config: {what}"))
}

fn is_control_flag(word: &str) -> bool {
    ["required", "requisite", "sufficient", "optional"]
        .iter()
        .any(|flag| word.eq_ignore_ascii_case(flag))
}

enum Token {
    /// A word, in quotes or not.
    Word(Zeroizing<String>),
    Symbol(char),
}

/// The rules of `java.io.StreamTokenizer`, as Kafka sets it up.
struct Tokens<'a>(Peekable<Chars<'a>>);

impl Tokens<'_> {
    fn next(&mut self) -> Result<Option<Token>, Error> {
        self.skip_blanks_and_comments()?;
        let Some(first) = self.0.next() else { return Ok(None) };
        if matches!(first, '"' | '\'') {
            return self.quoted(first).map(Some);
        }
        // Java reads what begins with a digit or a sign as a number, and a number is no value.
        if !is_word(first) || first.is_ascii_digit() || matches!(first, '-' | '.') {
            return Ok(Some(Token::Symbol(first)));
        }
        let mut word = Zeroizing::new(String::from(first));
        while let Some(next) = self.0.next_if(|next| is_word(*next)) {
            word.push(next);
        }
        Ok(Some(Token::Word(word)))
    }

    fn skip_blanks_and_comments(&mut self) -> Result<(), Error> {
        loop {
            while self.0.next_if(|next| *next <= ' ').is_some() {}
            let mut ahead = self.0.clone();
            match (ahead.next(), ahead.next()) {
                (Some('/'), Some('/')) => {
                    while self.0.next_if(|next| !matches!(next, '\n' | '\r')).is_some() {}
                }
                (Some('/'), Some('*')) => {
                    let mut last = ' ';
                    loop {
                        match ahead.next() {
                            Some('/') if last == '*' => break,
                            Some(next) => last = next,
                            None => return Err(malformed("a comment has no end")),
                        }
                    }
                    self.0 = ahead;
                }
                _ => return Ok(()),
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Token, Error> {
        let mut word = Zeroizing::new(String::with_capacity(128));
        loop {
            match self.0.next() {
                Some(next) if next == quote => return Ok(Token::Word(word)),
                Some('\\') => word.push(self.escape()?),
                Some('\n' | '\r') | None => return Err(malformed("a quote is not closed")),
                Some(next) => word.push(next),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let escape = self.0.next().ok_or_else(|| malformed("a quote is not closed"))?;
        Ok(match escape {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            // An octal number of at most three digits, and at most 0377.
            '0'..='7' => {
                let mut code = escape.to_digit(8).unwrap_or_default();
                let most = if code <= 3 { 2 } else { 1 };
                for _ in 0..most {
                    let digit = self.0.next_if(|next| next.is_digit(8));
                    let Some(digit) = digit.and_then(|digit| digit.to_digit(8)) else { break };
                    code = code * 8 + digit;
                }
                char::from_u32(code).unwrap_or_default()
            }
            other => other,
        })
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || matches!(character, '.' | '-' | '_' | '$')
        || character >= '\u{a0}'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(rest: &str) -> LoginModule {
        LoginModule::parse(&format!("{SCRAM_LOGIN_MODULE} required {rest}")).unwrap()
    }

    #[test]
    fn reads_what_kafka_reads() {
        let module = options("username=\"alice\" password='al\\'ice\\\\\\101' tokenauth=TRUE;");
        assert_eq!(module.shown_class(), SCRAM_LOGIN_MODULE);
        assert_eq!(module.option("username"), Some("alice"));
        assert_eq!(module.option("password"), Some("al'ice\\A"));
        assert!(module.is_token());
        let module = options("/* a comment */ username = al-i_c.e$1 // and one\n password=\"\" ; ");
        assert_eq!(module.option("username"), Some("al-i_c.e$1"));
        assert_eq!(module.option("password"), Some(""));
        assert!(!options("tokenauth=\"1\";").is_token());
    }

    #[test]
    fn refuses_and_says_why_without_the_secret() {
        let all = [
            ("", "is empty"),
            ("ScramLoginModule", "`required`"),
            ("ScramLoginModule username=\"a\";", "`required`"),
            ("ScramLoginModule required password=\"s3cret\"", "semicolon"),
            ("ScramLoginModule required password=\"s3cret;", "quote is not closed"),
            ("ScramLoginModule required password=s3cret=;", "double quotes"),
            ("ScramLoginModule required password=1s3cret;", "double quotes"),
            ("ScramLoginModule required password=s3cret/x==;", "double quotes"),
            ("ScramLoginModule required a=\"s3cret\"; b required;", "more than one"),
            ("ScramLoginModule required /* s3cret", "comment has no end"),
            ("ScramLoginModule required password=my s3cret;", "option 2 has no value"),
            ("ScramLoginModule required password=\"a\"s3cret\";", "quote is not closed"),
            ("ScramLoginModule required password=\"a\" s3cret \"\";", "option 2 has no value"),
            ("ScramLoginModule required password= s3cret s3cret=;", "option 2 has no value"),
            ("ScramLoginModule s3cret password=x;", "`required`"),
            ("s3cret", "`required`"),
        ];
        for (text, why) in all {
            let error = LoginModule::parse(text).unwrap_err();
            assert_eq!(error.status(), Status::CORRUPT);
            assert!(error.text().contains(why), "{text}: {error}");
            assert!(!error.text().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_secret_in_the_place_of_the_class_is_not_shown() {
        for class in ["s3cret", "\"s3cret LoginModule\""] {
            let module = LoginModule::parse(&format!("{class} required a=b;")).unwrap();
            let error = module.scram_credential().unwrap_err();
            assert!(error.text().contains("its login module is not"), "{error}");
            assert!(!format!("{module:?}").contains("s3cret"));
            let error = module.required_option("username").unwrap_err();
            assert!(!error.text().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn only_a_scram_module_gives_a_credential() {
        let text = "a.PlainLoginModule required username=\"alice\" password=\"x\";";
        let error = LoginModule::parse(text).unwrap().scram_credential().unwrap_err();
        assert!(error.text().contains("a.PlainLoginModule is not ScramLoginModule"), "{error}");
        let error = options("username=\"alice\";").scram_credential().unwrap_err();
        assert!(error.text().contains("\"password\""), "{error}");
        assert!(options("username=\"alice\" password=\"x\";").scram_credential().is_ok());
    }
}
