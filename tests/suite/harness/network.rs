//! A network of two machines, each a network namespace: the server's, and the one that the test itself is in, as the phone.
//!
//! [`apart`] runs a test anew in namespaces of its own, so that nothing of the machine's real networks is touched.

use std::{
    env, fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{SOON, command::require};

/// Set in a test that runs in namespaces of its own.
const APART: &str = "EVERLIT_SUITE_APART";

/// The phone's address.
pub(crate) const PHONE: &str = "192.168.77.2";

/// How often something that happens outside is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Runs `body` in a process that has namespaces of its own: the test of this name is started once more in them.
pub(crate) fn apart(test: &str, body: impl Future<Output = ()>) {
    if env::var_os(APART).is_some() {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        return runtime.block_on(body);
    }
    let output = Command::new(require("unshare"))
        .args(["--user", "--map-root-user", "--net", "--"])
        .arg(env::current_exe().expect("the test's own program"))
        .args(["--exact", test, "--nocapture"])
        .env(APART, "1")
        .output()
        .expect("unshare starts");
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// The server's machine, with a cable to the phone.
pub(crate) struct Machine {
    /// Holds the namespace.
    holder: Child,
}

impl Machine {
    /// A machine at this address, with its length of the network.
    pub(crate) fn at(address: &str) -> Self {
        let holder = Command::new(require("unshare"))
            .args(["--net", "--", "sleep", "600"])
            .stdin(Stdio::null())
            .spawn()
            .expect("unshare starts");
        let machine = Self { holder };
        let (own, deadline) = (fs::read_link("/proc/self/ns/net").expect("a namespace"), Instant::now() + SOON);
        while fs::read_link(machine.namespace()).is_ok_and(|theirs| theirs == own) {
            assert!(Instant::now() < deadline, "no namespace of its own within {SOON:?}");
            thread::sleep(LOOK_AGAIN);
        }
        run(Command::new(require("ip")).args(["link", "set", "lo", "up"]));
        let pid = machine.holder.id().to_string();
        run(Command::new(require("ip")).args(["link", "add", "phone0", "type", "veth", "peer", "name", "lan0", "netns", &pid]));
        run(Command::new(require("ip")).args(["address", "add", &format!("{PHONE}/24"), "dev", "phone0"]));
        run(Command::new(require("ip")).args(["link", "set", "phone0", "up"]));
        machine.ip(&["link", "set", "lo", "up"]);
        machine.ip(&["address", "add", address, "dev", "lan0"]);
        machine.ip(&["link", "set", "lan0", "up"]);
        machine
    }

    /// What runs a program on it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(require("nsenter"));
        command.arg(format!("--net={}", self.namespace().display())).arg("--");
        command
    }

    /// Changes its networks.
    pub(crate) fn ip(&self, args: &[&str]) {
        run(self.command().arg(require("ip")).args(args));
    }

    /// What a program on it prints.
    pub(crate) fn said(&self, program: &str, args: &[&str]) -> String {
        run(self.command().arg(require(program)).args(args))
    }

    fn namespace(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/ns/net", self.holder.id()))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Runs a program to its end, which must be a good one; what it printed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
