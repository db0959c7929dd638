//! What an SSH connection still has to deliver, as the kernel sees it.
//!
//! A blocked write comes about a megabyte too late: pty, sshd and TCP take that much first. `TIOCOUTQ` is of no use, a pty
//! answers 0 however much it holds. The terminal could be asked, but its answer would come among the keys. What is left is the
//! send queue of sshd's own socket, which everybody may read in `/proc/net/tcp`, and `SSH_CONNECTION` says which one it is.
//! Behind a jump host that is the way to the jump host only, but it too fills once the rest is slower.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};

use super::Environment;

/// Lines of a table that are read at most: some 100 µs. A machine with more connections is no workstation.
const MOST_LINES: usize = 4_000;

/// The connection that this terminal is reached by.
#[derive(Debug)]
pub struct Link {
    /// The table that lists it.
    table: &'static str,
    /// Its two columns there: our address and theirs, with a blank between.
    key: String,
}

impl Link {
    /// The connection that `SSH_CONNECTION` names, if it is one of this machine's. In a tmux that was started over an earlier
    /// connection it is not.
    pub fn detect(env: &Environment) -> Option<Self> {
        let link = Self::named(env.get("SSH_CONNECTION")?)?;
        link.queued().is_some().then_some(link)
    }

    /// `connection`: their address and port, our address and port.
    fn named(connection: &str) -> Option<Self> {
        let mut words = connection.split_whitespace();
        let mut end = || Some(SocketAddr::new(words.next()?.parse().ok()?, words.next()?.parse().ok()?));
        let (theirs, ours) = (end()?, end()?);
        let (table, v6) = match ours.ip() {
            IpAddr::V4(_) => ("/proc/net/tcp", false),
            IpAddr::V6(_) => ("/proc/net/tcp6", true),
        };
        if theirs.is_ipv6() != v6 {
            return None;
        }
        Some(Self { table, key: format!("{} {}", column(ours), column(theirs)) })
    }

    /// Bytes that were written and have not arrived; none if the connection is not listed.
    pub fn queued(&self) -> Option<u64> {
        self.queued_in(BufReader::new(File::open(self.table).ok()?))
    }

    fn queued_in(&self, table: impl BufRead) -> Option<u64> {
        for line in table.lines().take(MOST_LINES) {
            let line = line.ok()?;
            // `  12: 0100007F:0016 0100007F:D431 01 00000A40:00000000 ...`
            let Some(rest) = line.split_once(": ").and_then(|(_, rest)| rest.strip_prefix(&self.key)) else { continue };
            let queue = rest.split_whitespace().nth(1)?;
            return u64::from_str_radix(queue.split(':').next()?, 16).ok();
        }
        None
    }
}

/// An address as the kernel prints it: each 32 bits of it as a number in this machine's order.
fn column(address: SocketAddr) -> String {
    let octets = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let words = octets.chunks_exact(4).map(|word| {
        let word: [u8; 4] = word.try_into().unwrap_or_default();
        format!("{:08X}", u32::from_ne_bytes(word))
    });
    format!("{}:{:04X}", words.collect::<String>(), address.port())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn the_table_is_read() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1547 1
   1: 0100007F:0016 0200007F:D431 01 00000A40:00000000 01:00000014 00000000     0        0 1548 1
";
        let link = Link::named("127.0.0.2 54321 127.0.0.1 22").unwrap();
        assert_eq!(link.queued_in(table.as_bytes()), Some(0xa40));
        let link = Link::named("127.0.0.2 54322 127.0.0.1 22").unwrap();
        assert_eq!(link.queued_in(table.as_bytes()), None);
        let table = "   0: 0000000000000000FFFF00000100007F:0016 0000000000000000FFFF00000100007F:D431 01 0000001F:0\n";
        let link = Link::named("::ffff:127.0.0.1 54321 ::ffff:127.0.0.1 22").unwrap();
        assert_eq!(link.queued_in(table.as_bytes()), Some(0x1f));
    }

    #[test]
    fn what_is_no_connection_is_none() {
        for text in ["", "a b c d", "::1 1 127.0.0.1 22", "127.0.0.1 1 127.0.0.1", "127.0.0.1 99999 127.0.0.1 22"] {
            assert!(Link::named(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_real_connection_that_nobody_reads_fills_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let (theirs, ours) = (client.local_addr().unwrap(), server.local_addr().unwrap());
        let connection = format!("{} {} {} {}", theirs.ip(), theirs.port(), ours.ip(), ours.port());
        let variables = [("SSH_CONNECTION".to_owned(), connection)].into_iter().collect();
        let env = Environment { variables, ..Environment::default() };
        let Some(link) = Link::detect(&env) else { panic!("{env:?} is not listed in /proc/net/tcp") };
        assert_eq!(link.queued(), Some(0));
        server.set_nonblocking(true).unwrap();
        let mut written = 0;
        while let Ok(bytes) = server.write(&[0; 16_000]) {
            written += bytes as u64;
        }
        let queued = link.queued().unwrap();
        assert!(queued > 0 && queued <= written, "{queued} of {written}");
        drop((client, server));
        assert!(Link::detect(&env).is_none_or(|link| link.queued() == Some(0)));
    }
}
