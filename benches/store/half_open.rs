//! Logins whose challenge has been sent and whose client says no more: what each holds.

use crate::abi::{Credential, Server, ServerConfig};
use crate::line::Line;
use crate::memory;
use scramtoken::ffi::*;

const NUMBERS: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];
const CLIENT_FIRST: &[u8] = b"n,,n=alice,r=4sHMfiT6hAJAkFRVGGCIYxsi";

pub(crate) fn bench() {
    for mechanism in [c"SCRAM-SHA-256", c"SCRAM-SHA-512"] {
        let credential = Credential::derive(mechanism, b"pencil", b"sixteen bytes...", 4096);
        let config = ServerConfig::new();
        for number in NUMBERS {
            let mut servers: Vec<Server> = Vec::with_capacity(number.try_into().unwrap());
            memory::give_back();
            let (allocated, resident) = (memory::allocated(), memory::resident());
            for _ in 0..number {
                let mut server = Server::new(&config, mechanism);
                assert_eq!(server.step(CLIENT_FIRST).0, SCRAMTOKEN_NEED_CREDENTIAL);
                assert_eq!(server.supply_user(&credential), SCRAMTOKEN_OK);
                assert_eq!(server.step(b"").0, SCRAMTOKEN_CONTINUE);
                servers.push(server);
            }
            let each = |bytes: f64| bytes / f64::from(number);
            let mechanism = mechanism.to_str().unwrap();
            let line = |subject| Line {
                benchmark: "half-open logins, each",
                subject,
                mechanism,
                at: u64::from(number),
            };
            let (now_allocated, now_resident) = (memory::allocated(), memory::resident());
            line("allocated").print(0, each(now_allocated - allocated), "bytes");
            line("resident").print(0, each(now_resident - resident), "bytes");
        }
    }
}
