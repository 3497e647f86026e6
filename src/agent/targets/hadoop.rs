//! A Hadoop credentials file, which `HADOOP_TOKEN_FILE_LOCATION` names: Spark finds the token in it
//! as if its own driver had made it.
//!
//! The format is that of Hadoop's `Credentials.writeTokenStorageToStream` in the form `WRITABLE`; kind,
//! service and what identifier and password are, is what Spark's `KafkaTokenUtil` writes and looks for.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Delivered, Publication, ownership};
use crate::agent::config::Section;
use crate::error::Error;
use crate::files::Access;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::agent) struct Hadoop {
    path: PathBuf,
    access: Access,
    /// The `<cluster>` of Spark's `spark.kafka.clusters.<cluster>.auth.bootstrap.servers`.
    cluster: String,
}

impl Hadoop {
    pub(super) fn from_section(section: &mut Section<'_>) -> Result<Self, Error> {
        let path = section.required_path("hadoop")?;
        let cluster = section.required_text("cluster", "\"main\"")?;
        if !cluster.value.bytes().all(|byte| byte.is_ascii_graphic()) || cluster.value.len() > 200 {
            let value = &cluster.value;
            let what =
                format!("{value:?} is no name of a cluster: use up to 200 printable letters");
            return Err(cluster.error(&section.file, what));
        }
        Ok(Self { path, access: ownership::access(section)?, cluster: cluster.value })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn deliver(&self, publication: &Publication) -> Result<Delivered, Error> {
        let token = &publication.token;
        let hmac = token.hmac_text();
        let bytes = credentials(&self.cluster, &token.id, hmac);
        Delivered::bring(&self.path, self.access, &bytes)
    }
}

/// The file's bytes.
pub(super) fn credentials(cluster: &str, id: &str, hmac: &str) -> Zeroizing<Vec<u8>> {
    const MAGIC: &[u8] = b"HDTS";
    const WRITABLE: u8 = 0;
    let service = format!("kafka.server.delegation.token.{cluster}");
    // Whole from the beginning: growing would leave copies of the secret behind.
    let mut bytes =
        Zeroizing::new(Vec::with_capacity(128 + 2 * service.len() + id.len() + hmac.len()));
    bytes.extend_from_slice(MAGIC);
    bytes.push(WRITABLE);
    vint(&mut bytes, 1); // tokens
    for field in [&service, id, hmac, "KAFKA_DELEGATION_TOKEN", &service] {
        vint(&mut bytes, field.len());
        bytes.extend_from_slice(field.as_bytes());
    }
    vint(&mut bytes, 0); // secret keys
    bytes
}

/// Hadoop's `WritableUtils.writeVInt` of a number that is not negative.
fn vint(bytes: &mut Vec<u8>, number: usize) {
    match u8::try_from(number) {
        Ok(number @ 0..=127) => bytes.push(number),
        _ => {
            let all = number.to_be_bytes();
            let significant: Vec<u8> = all.into_iter().skip_while(|byte| *byte == 0).collect();
            let count = u8::try_from(significant.len()).unwrap_or(8);
            bytes.push(0x90 - count); // -112 - count
            bytes.extend_from_slice(&significant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Hadoop 3's own WritableUtils writes them (its source says: -113 and the bytes after it).
    #[test]
    fn numbers() {
        for (number, expected) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[0x8f, 0x80]),
            (255, &[0x8f, 0xff]),
            (256, &[0x8e, 1, 0]),
            (65_536, &[0x8d, 1, 0, 0]),
        ] {
            let mut bytes = Vec::new();
            vint(&mut bytes, number);
            assert_eq!(bytes, expected, "{number}");
        }
    }

    #[test]
    fn one_token_without_secret_keys() {
        let bytes = credentials("c", "id", "aG1hYw==");
        let service = b"\x1fkafka.server.delegation.token.c";
        let expected = [
            &b"HDTS\0\x01"[..],
            service,
            b"\x02id\x08aG1hYw==\x16KAFKA_DELEGATION_TOKEN",
            service,
            b"\0",
        ]
        .concat();
        assert_eq!(bytes.as_slice(), expected);
    }
}
