//! A real sshd of the test's own, on a high port of this machine, with keys made for it.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::wait;

/// Runs until it is dropped.
pub(crate) struct Sshd {
    folder: tempfile::TempDir,
    port: u16,
    child: Child,
}

/// Starts a daemon whose sessions have `environment`; none where this machine has no OpenSSH, and then it says so.
pub(crate) fn sshd(environment: &[(&str, &str)]) -> Option<Sshd> {
    let Some(program) =
        ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"].into_iter().find(|path| Path::new(path).exists())
    else {
        skipped("there is no sshd; Debian has it in openssh-server");
        return None;
    };
    if Command::new("ssh").arg("-V").stderr(Stdio::null()).status().is_err() {
        skipped("there is no ssh; Debian has it in openssh-client");
        return None;
    }
    let folder = tempfile::Builder::new().prefix("torchscope-sshd").tempdir().unwrap();
    for key in ["host", "user", "stranger"] {
        let path = folder.path().join(key);
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path).status();
        assert!(made.unwrap().success());
    }
    // Without it a daemon that runs as root does not start; nobody else needs it.
    if rustix::process::geteuid().is_root() {
        fs::create_dir_all("/run/sshd").unwrap();
    }
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let set: Vec<String> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host\nAuthorizedKeysFile {0}/user.pub\nStrictModes no\n\
        UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nPidFile none\n\
        PrintMotd no\nMaxStartups 100\nSetEnv TERM_PROGRAM=test {1}\n",
        folder.path().display(),
        set.join(" ")
    );
    let path = folder.path().join("sshd_config");
    fs::write(&path, config).unwrap();
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let child = Command::new(program).args(["-D", "-e", "-f"]).arg(&path).stderr(log).spawn().unwrap();
    let sshd = Sshd { folder, port, child };
    wait("sshd to listen", || {
        let mut banner = [0; 4];
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
        stream.read_exact(&mut banner).ok().filter(|()| banner == *b"SSH-")
    });
    Some(sshd)
}

fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

impl Sshd {
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The ssh that reaches it as `far`, over `port`: its own, or that of a slow way to it.
    pub(crate) fn ssh(&self, port: u16) -> String {
        self.ssh_with(port, "user")
    }

    /// The same with a key that is let in nowhere.
    pub(crate) fn ssh_of_a_stranger(&self) -> String {
        self.ssh_with(self.port, "stranger")
    }

    fn ssh_with(&self, port: u16, key: &str) -> String {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let config = format!(
            "Host far\n HostName 127.0.0.1\n Port {port}\n IdentityFile {}\n IdentitiesOnly yes\n IdentityAgent none\n\
            \x20UserKnownHostsFile {}\n StrictHostKeyChecking accept-new\n LogLevel ERROR\n",
            at(key),
            at("known_hosts")
        );
        let path: PathBuf = self.folder.path().join(format!("ssh_config-{port}-{key}"));
        fs::write(&path, config).unwrap();
        format!("ssh -F {}", path.display())
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
