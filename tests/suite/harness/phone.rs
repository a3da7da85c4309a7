//! Phones, and an adb server of the test's own that they are plugged into.
//!
//! The adb server is the real one. A phone is `phone.py`: the device's side of the protocol, with a network of its own.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, header::HOST};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{Answer, ReloadSocket, SOON, command::require};

/// How often is looked again while waiting.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How long the adb server may take to find a phone again that was unplugged: it looks every ten seconds.
pub(crate) const PLUGGED: Duration = Duration::from_secs(40);

/// A real adb server with a port and a home of its own; none of the machine's phones is seen by it.
pub(crate) struct AdbServer {
    home: TempDir,
    port: u16,
}

impl AdbServer {
    /// One that runs.
    pub(crate) fn start() -> Self {
        let adb = Self::absent();
        adb.run(&["start-server"]);
        adb
    }

    /// One that somebody else has to start.
    pub(crate) fn absent() -> Self {
        let home = tempfile::Builder::new().prefix("everlit-adb-").tempdir().expect("a temporary folder");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("bound").port();
        Self { home, port }
    }

    /// The variables by which `adb` and everlit find this one, and that switch phones on.
    pub(crate) fn env(&self) -> Vec<(&'static str, String)> {
        let home = self.home.path().display().to_string();
        vec![
            ("ANDROID_ADB_SERVER_PORT", self.port.to_string()),
            ("HOME", home.clone()),
            ("TMPDIR", home),
            ("ADB_MDNS", "0".to_owned()),
            // It would look for emulators, and find phones of other tests.
            ("ADB_LOCAL_TRANSPORT_MAX_PORT", "5553".to_owned()),
            ("EVERLIT_ADB", "true".to_owned()),
        ]
    }

    /// What `adb` says to these arguments.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        let output = Command::new(require("adb")).args(args).envs(self.env()).stdin(Stdio::null()).output().expect("adb runs");
        assert!(output.status.success(), "adb {args:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Whether it runs.
    pub(crate) fn is_running(&self) -> bool {
        std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    /// What `everlit devices` does with these arguments.
    pub(crate) fn devices(&self, project: &Path, args: &[&str]) -> Output {
        let mut everlit = Command::new(env!("CARGO_BIN_EXE_everlit"));
        everlit.arg("devices").arg(project).args(args).envs(self.env()).stdin(Stdio::null()).output().expect("the binary runs")
    }

    /// What `everlit devices shot` does with these arguments, in this folder.
    pub(crate) fn shot(&self, project: &Path, args: &[&str], folder: &Path) -> Output {
        let mut everlit = Command::new(env!("CARGO_BIN_EXE_everlit"));
        everlit.args(["devices", "shot"]).arg(project).args(args).current_dir(folder).envs(self.env()).stdin(Stdio::null());
        everlit.output().expect("the binary runs")
    }
}

impl Drop for AdbServer {
    fn drop(&mut self) {
        if self.is_running() {
            let _ = Command::new(require("adb")).arg("kill-server").envs(self.env()).output();
        }
    }
}

/// How long a phone's browser may take to be gone.
const GOING: Duration = Duration::from_secs(5);

/// A phone; dropping it takes it away.
pub(crate) struct Phone {
    folder: TempDir,
    /// As the adb server knows it.
    pub(crate) serial: String,
    child: Child,
    /// It ends when this is closed.
    _stdin: ChildStdin,
}

impl Phone {
    /// A phone that is plugged in.
    pub(crate) fn plugged_in(adb: &AdbServer, model: &str) -> Self {
        let phone = Self::lying_there(model, &[]);
        phone.connect(adb);
        phone
    }

    /// A phone beside the machine; `ways` are those of `phone.py`.
    pub(crate) fn lying_there(model: &str, ways: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("everlit-phone-").tempdir().expect("a temporary folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/phone.py");
        let mut child = Command::new(require("python3"))
            .arg(script)
            .arg(folder.path())
            .arg(model)
            .args(ways)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let stdin = child.stdin.take().expect("piped");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it prints its port");
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("the phone said {line:?}: {error}"));
        Self { folder, serial: format!("127.0.0.1:{}", said["port"]), child, _stdin: stdin }
    }

    /// The adb server takes notice of it.
    pub(crate) fn connect(&self, adb: &AdbServer) {
        adb.run(&["connect", &self.serial]);
    }

    /// Its name in everlit's lines.
    pub(crate) fn name(&self, model: &str) -> String {
        format!("{model} ({})", self.serial)
    }

    /// Has something done to it, in the words of `phone.py`.
    pub(crate) async fn hand(&self, order: &str) {
        if let Err(why) = self.hold(order).await {
            panic!("{order}: {why}");
        }
    }

    /// Has its browser open an address.
    pub(crate) async fn browse(&self, url: &str) {
        require("chromium");
        require("setpriv");
        self.hand(&format!("browse {url}")).await;
    }

    /// A connection to a port of its own localhost; the phone's words when there is none.
    pub(crate) async fn dial(&self, port: u16) -> Result<UnixStream, String> {
        self.hold(&format!("dial {port}")).await
    }

    /// The same from a neighbour on its network.
    pub(crate) async fn dial_from_wifi(&self, port: u16) -> Result<UnixStream, String> {
        self.hold(&format!("dial-wifi {port}")).await
    }

    async fn hold(&self, order: &str) -> Result<UnixStream, String> {
        let mut hand = UnixStream::connect(self.folder.path().join("hand")).await.expect("the phone is there");
        hand.write_all(format!("{order}\n").as_bytes()).await.expect("it hears");
        let mut said = Vec::new();
        while said.last() != Some(&b'\n') {
            said.push(timeout(SOON, hand.read_u8()).await.expect("it answers in time").expect("it answers"));
        }
        match String::from_utf8_lossy(&said).trim_end() {
            "ok" => Ok(hand),
            why => Err(why.to_owned()),
        }
    }

    /// The answer that a program on the phone gets from its localhost.
    pub(crate) async fn get(&self, port: u16, path: &str) -> Result<Answer, String> {
        let stream = self.dial(port).await?;
        let exchange = async {
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            let mut driving = JoinSet::new();
            driving.spawn(connection);
            let request = Request::get(path).header(HOST, format!("localhost:{port}")).header("accept", "text/html");
            let answer = sender.send_request(request.body(Full::<Bytes>::default()).expect("a request")).await?;
            let (head, body) = answer.into_parts();
            Ok(Answer { status: head.status, headers: head.headers, body: body.collect().await?.to_bytes() })
        };
        timeout(SOON, exchange).await.expect("an answer in time").map_err(|error: hyper::Error| error.to_string())
    }

    /// The page it gets from there, as soon as it gets one.
    pub(crate) async fn page(&self, port: u16) -> String {
        let deadline = Instant::now() + PLUGGED;
        loop {
            match self.get(port, "/").await {
                Ok(answer) if answer.status.is_success() => return answer.text(),
                other => assert!(Instant::now() < deadline, "{other:?}"),
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// The reload socket of a page that is open on it.
    pub(crate) async fn reload_socket(&self, port: u16) -> ReloadSocket<UnixStream> {
        let script = self.get(port, "/__everlit/client.js").await.expect("the script");
        let stream = self.dial(port).await.expect("a connection");
        ReloadSocket::over(stream, port, &script.text()).await
    }

    /// What its `am` was told, call by call, once there are so many.
    pub(crate) async fn told(&self, calls: usize) -> Vec<Vec<String>> {
        let deadline = Instant::now() + SOON;
        loop {
            let said = std::fs::read_to_string(self.am()).unwrap_or_default();
            let told: Vec<_> = said.lines().map(|line| serde_json::from_str(line).expect("words")).collect();
            if told.len() >= calls {
                return told;
            }
            assert!(Instant::now() < deadline, "{told:?}");
            sleep(LOOK_AGAIN).await;
        }
    }

    /// The file in which its `am` writes that down.
    pub(crate) fn am(&self) -> PathBuf {
        self.folder.path().join("am")
    }

    /// Its reverse rules, as the adb command lists them.
    pub(crate) fn rules(&self, adb: &AdbServer) -> Vec<String> {
        let list = adb.run(&["-s", &self.serial, "reverse", "--list"]);
        list.lines().filter_map(|line| line.split_once(' ')).map(|(_, rule)| rule.to_owned()).collect()
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The processes of its browser go by themselves, and make folders anew until then.
        let until = Instant::now() + GOING;
        while self.folder.path().exists() && Instant::now() < until {
            let _ = fs::remove_dir_all(self.folder.path());
            thread::sleep(4 * LOOK_AGAIN);
        }
    }
}
