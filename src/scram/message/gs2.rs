//! The GS2 header that opens a client-first-message (RFC 5801, section 4; RFC 5802, section 7).

use std::borrow::Cow;

use super::Out;
use super::attributes::Attributes;
use super::name::{decode_name, encode_name};
use crate::{error::Error, status::Status};

/// What the client says of channel binding. That it binds (`p=`) is refused when read, since these
/// mechanisms are not the -PLUS ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ChannelBinding {
    /// `n`: the client does not know how.
    Unsupported,
    /// `y`: the client knows how and believes that the server does not, which is true.
    NotOffered,
}

/// Channel binding flag and authorization identity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Gs2Header<'a> {
    pub(crate) channel_binding: ChannelBinding,
    pub(crate) authzid: Option<Cow<'a, str>>,
}

impl<'a> Gs2Header<'a> {
    pub(super) fn parse(attributes: &mut Attributes<'a>) -> Result<Self, Error> {
        let message = attributes.message();
        let channel_binding = match attributes.field() {
            Some("n") => ChannelBinding::Unsupported,
            Some("y") => ChannelBinding::NotOffered,
            Some(flag) if flag.starts_with("p=") => {
                return Err(message.error(
                    Status::CHANNEL_BINDING,
                    "p= asks for channel binding, which this mechanism does not have",
                ));
            }
            _ => return Err(message.malformed("the GS2 header begins with neither n, nor y,")),
        };
        let authzid = match attributes.field() {
            Some("") => None,
            Some(field) => {
                let name = field.strip_prefix("a=").ok_or_else(|| {
                    message.malformed("the GS2 header's second field is neither a= nor empty")
                })?;
                Some(decode_name(message, 'a', name)?)
            }
            None => return Err(message.malformed("the GS2 header has no second comma")),
        };
        Ok(Self { channel_binding, authzid })
    }

    pub(crate) fn write(&self, out: &mut impl Out) {
        out.put(match self.channel_binding {
            ChannelBinding::Unsupported => b"n,",
            ChannelBinding::NotOffered => b"y,",
        });
        if let Some(authzid) = &self.authzid {
            out.put(b"a=");
            encode_name(authzid, out);
        }
        out.put(b",");
    }
}
