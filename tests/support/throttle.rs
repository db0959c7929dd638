//! A slow network: passes on connections to a port of this machine at so many bytes a second.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{AddressFamily, SocketType, connect, socket};

/// What routers on the way keep, in bytes: not much more than what they pass on in half a second at 50 KB/s.
const BUFFER: usize = 16 << 10;
/// Bytes passed on at a time: a packet.
const PACKET: usize = 1400;

/// Passes on until it is dropped; connections that are open then stay.
pub(crate) struct Throttle {
    port: u16,
    state: Arc<State>,
}

struct State {
    /// Bytes a second towards whoever connected.
    rate: AtomicU64,
    passed: AtomicU64,
    closed: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Throttle {
    /// A slow way to `target`, a port of this machine. The other direction is not held up.
    pub(crate) fn start(target: u16, rate: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            rate: AtomicU64::new(rate),
            passed: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            open: Mutex::new(Vec::new()),
        });
        let serving = Arc::clone(&state);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if !serving.closed.load(Ordering::SeqCst) {
                    serving.serve(near, target);
                }
            }
        });
        Self { port, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Bytes passed on so far.
    pub(crate) fn passed(&self) -> u64 {
        self.state.passed.load(Ordering::SeqCst)
    }

    /// Breaks every connection, and lets nobody through.
    pub(crate) fn cut(&self) {
        self.state.closed.store(true, Ordering::SeqCst);
        for stream in self.state.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub(crate) fn mend(&self) {
        self.state.closed.store(false, Ordering::SeqCst);
    }
}

impl State {
    fn serve(self: &Arc<Self>, near: TcpStream, target: u16) {
        let far = dial(target);
        let (mut from_near, mut to_far) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        self.open.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
        thread::spawn(move || {
            let _ = std::io::copy(&mut from_near, &mut to_far);
            let _ = to_far.shutdown(Shutdown::Write);
        });
        let state = Arc::clone(self);
        thread::spawn(move || state.pass(far, near));
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut packet = [0; PACKET];
        let mut free = Instant::now();
        while let Ok(count @ 1..) = from.read(&mut packet) {
            // A packet leaves when the one before it has gone, and is there when its last byte is.
            let takes = Duration::from_secs_f64(count as f64 / self.rate.load(Ordering::SeqCst) as f64);
            free = free.max(Instant::now()) + takes;
            thread::sleep(free.saturating_duration_since(Instant::now()));
            if to.write_all(&packet[..count]).is_err() {
                break;
            }
            self.passed.fetch_add(count as u64, Ordering::SeqCst);
        }
        let _ = to.shutdown(Shutdown::Write);
    }
}

/// The buffer has to be small before the connection is made.
fn dial(port: u16) -> TcpStream {
    let fd = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    set_socket_recv_buffer_size(&fd, BUFFER).unwrap();
    connect(&fd, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).unwrap();
    TcpStream::from(fd)
}
