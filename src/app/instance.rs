//! One run of the program: started, watched, asked whether it is ready, stopped.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
    time::sleep,
};

use super::{
    ears::Ears,
    hand_over::Place,
    search::{Found, Given, NotReady, Search},
    start::Start,
    tail::Tail,
};
use crate::{
    config::{CommandLine, PORT, Run},
    process::{Exit, Keeper, Launch, Process},
};

/// From SIGTERM to SIGKILL.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// The shortest pause between two looks at a starting program.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

/// The longest pause: what a start costs at most beyond the program's own time.
const LONGEST_PAUSE: Duration = Duration::from_millis(25);

/// The pause after an answer that says it is not ready.
const ANSWERED_PAUSE: Duration = Duration::from_millis(300);

/// Pauses are so many times as long as the look before: on a machine with many processes a look is slow, and the program needs
/// the processor more than we do.
const PAUSE_PER_LOOK: u32 = 3;

/// A running program. Dropping it ends its process tree.
#[derive(Debug)]
pub(super) struct Instance {
    search: Search,
    ready_timeout: Duration,
    exit: watch::Receiver<Option<Exit>>,
    tail: Tail,
    stop: oneshot::Sender<()>,
    /// Reads the output; owns the process.
    pump: JoinSet<()>,
    pub(super) started: Instant,
}

impl Instance {
    /// Starts the program with a free port in `PORT` and `{port}`, and with these variables of ours. `known` is where the run before
    /// it was found.
    pub(super) async fn start(
        place: &Place,
        start: &Start,
        variables: Vec<(String, String)>,
        known: Option<u16>,
    ) -> io::Result<Self> {
        let config = &start.config;
        let given = Given::new(config.port, free_port()?);
        let started = Instant::now();
        let process = Process::start(&launch(&place.keeper, start, variables, given.port)?).await?;
        let (is_ready, said) = watch::channel(false);
        let said = config.ready_line.is_some().then_some(said);
        let (search, tail) = (Search::new(process.root(), given, known, config, said), Tail::default());
        let (ended, exit) = watch::channel(None);
        let (stop, stopped) = oneshot::channel();
        let mut pump = JoinSet::new();
        let ears = Ears {
            dir: config.dir.clone(),
            root: place.root.clone(),
            tail: tail.clone(),
            ready_line: config.ready_line.clone(),
            is_ready,
            notices: place.notices.clone(),
        };
        pump.spawn(ears.follow(process, ended, stopped));
        Ok(Self { search, ready_timeout: config.ready_timeout, exit, tail, stop, pump, started })
    }

    /// Waits until the program answers, ends, or the deadline passes.
    pub(super) async fn ready(&mut self) -> Result<Found, NotReady> {
        let deadline = self.started + self.ready_timeout;
        let mut last = NotReady::NoPort;
        loop {
            let began = Instant::now();
            let looked = tokio::select! {
                looked = self.search.look(deadline) => looked,
                exit = exited(&mut self.exit) => return Err(NotReady::Exited(exit)),
            };
            match looked {
                Ok(place) => return Ok(place),
                Err(reason) => last = last.then(reason),
            }
            if Instant::now() >= deadline {
                return Err(last);
            }
            let pause = match last {
                // It answers, and each question is a line in its log.
                NotReady::NoAnswer(_, Some(_)) => ANSWERED_PAUSE,
                _ => (began.elapsed() * PAUSE_PER_LOOK).clamp(SHORTEST_PAUSE, LONGEST_PAUSE),
            };
            tokio::select! {
                exit = exited(&mut self.exit) => return Err(NotReady::Exited(exit)),
                () = sleep(pause) => (),
            }
        }
    }

    /// Waits for the program's end. Cancel-safe.
    pub(super) async fn exited(&mut self) -> Exit {
        exited(&mut self.exit).await
    }

    /// The last lines it wrote.
    pub(super) fn last_words(&self) -> String {
        self.tail.text()
    }

    /// Tells the last lines it has written whenever it is asked, also once it has ended.
    pub(super) fn words(&self) -> impl Fn() -> String + Send + Sync + 'static {
        let tail = self.tail.clone();
        move || tail.text()
    }

    /// Ends the process tree; answers when nothing of it is left.
    pub(super) async fn stop(mut self) {
        drop(self.stop);
        while self.pump.join_next().await.is_some() {}
    }
}

async fn exited(exit: &mut watch::Receiver<Option<Exit>>) -> Exit {
    exit.wait_for(Option::is_some).await.map_or(Exit::Unknown, |exit| exit.unwrap_or(Exit::Unknown))
}

fn launch(keeper: &Keeper, start: &Start, variables: Vec<(String, String)>, port: u16) -> io::Result<Launch> {
    let config = start.config_of_copy();
    let command = match (&config.run, &start.executable) {
        (Run::Command(command), _) => with_port(command, port),
        (Run::BuiltExecutable, Some(path)) => CommandLine::Argv(vec![path.display().to_string()]),
        (Run::BuiltExecutable, None) => {
            return Err(io::Error::other("the build named no executable; say what to run with `[app] run = \"…\"`"));
        }
    };
    let mut env = config.env.clone();
    env.iter_mut().for_each(|(_, value)| *value = filled(value, port));
    env.extend(variables);
    env.push(("PORT".into(), port.to_string()));
    let listen = config.listen_fds.then_some(port);
    Ok(Launch { keeper: keeper.clone(), command, dir: config.dir.clone(), env, pty: config.pty, listen, grace: STOP_GRACE })
}

fn with_port(command: &CommandLine, port: u16) -> CommandLine {
    let fill = |text: &String| filled(text, port);
    match command {
        CommandLine::Shell(text) => CommandLine::Shell(fill(text)),
        CommandLine::Argv(words) => CommandLine::Argv(words.iter().map(fill).collect()),
    }
}

fn filled(text: &str, port: u16) -> String {
    text.replace(PORT, &port.to_string())
}

fn free_port() -> io::Result<u16> {
    let loopback: [SocketAddr; 2] = [(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()];
    Ok(TcpListener::bind(&loopback[..])?.local_addr()?.port())
}
