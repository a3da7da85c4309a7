//! `everlit trust` and `everlit untrust`: our authority in the stores of the system and of browsers.

use std::{
    env,
    io::{self, BufRead, IsTerminal, Write},
    process::Command,
    time::SystemTime,
};

use anyhow::{Context, Result, bail};

use super::{args::TrustArgs, folders};
use crate::{
    plain::plain,
    telemetry::Notices,
    tls::{
        Authority,
        store::{self, Outcome, Told},
    },
};

/// Has the stores trust the authority, which is made when there is none.
///
/// # Errors
/// When there can be no authority, or a store failed.
pub(super) fn trust(args: TrustArgs) -> Result<()> {
    let state = folders::state().context(NO_HOME)?;
    let places = folders::places().context(NO_HOME)?;
    refuse_sudo()?;
    let authority = Authority::open(&state, SystemTime::now())?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}, {}", authority.name(), authority.public().display())?;
    let told = store::trust(&authority, &places, args.scope());
    tell(&mut out, &told, "trusts it")?;
    writeln!(out, "\nBrowsers that are open learn of it when they are started again. `everlit untrust` undoes this.")?;
    verdict(&told)
}

/// Has no store trust an authority of ours.
///
/// # Errors
/// When a store failed.
pub(super) fn untrust(args: TrustArgs) -> Result<()> {
    let state = folders::state().context(NO_HOME)?;
    let places = folders::places().context(NO_HOME)?;
    refuse_sudo()?;
    // One that cannot be read has nothing to say about what is in the stores.
    let authority = Authority::find(&state, SystemTime::now()).ok().flatten();
    let told = store::untrust(authority.as_ref(), &places, args.scope());
    let mut out = io::stdout().lock();
    tell(&mut out, &told, "trusts none of ours")?;
    verdict(&told)
}

/// Says which browsers do not trust the authority yet. It asks their databases, which takes its time.
pub(super) fn remind(notices: &Notices) {
    let (Some(state), Some(places)) = (folders::state(), folders::places()) else { return };
    // One that cannot be had was spoken of before.
    let Ok(Some(authority)) = Authority::find(&state, SystemTime::now()) else { return };
    let unaware = store::unaware(&authority, &places);
    if let [first, others @ ..] = unaware.as_slice() {
        let others = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        notices.warn(format!(
            "the certificate is not trusted yet by {first}{others}: run `everlit trust` once, then start the browser again"
        ));
    }
}

const NO_HOME: &str = "there is no home folder: set HOME";

/// The authority is the user's: made by root, it could not be read by the one who needs it.
fn refuse_sudo() -> Result<()> {
    if rustix::process::geteuid().is_root() && env::var_os("SUDO_USER").is_some_and(|user| user != "root") {
        bail!("run this without sudo: the authority is your own, and what needs other rights is shown and asked for");
    }
    Ok(())
}

/// Says what became of each store, and offers to do what needs other rights.
fn tell(out: &mut impl Write, told: &[Told], done: &str) -> io::Result<()> {
    if told.is_empty() {
        writeln!(out, "  no store was found, of the system or of a browser")?;
    }
    for Told { store, outcome } in told {
        let store = plain(store);
        match outcome {
            Outcome::Done => writeln!(out, "  done     {store} {done} now")?,
            Outcome::Already => writeln!(out, "  already  {store} {done}")?,
            Outcome::Failed(why) => writeln!(out, "  failed   {store}: {}", plain(why))?,
            Outcome::NeedsRoot(commands) => {
                writeln!(out, "  by root  {store}, with these commands:")?;
                commands.iter().try_for_each(|command| writeln!(out, "             {}", plain(command)))?;
                offer(out, commands)?;
            }
        }
    }
    Ok(())
}

/// Runs the commands when a person says so.
fn offer(out: &mut impl Write, commands: &[String]) -> io::Result<()> {
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return Ok(());
    }
    write!(out, "           run them now? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if !["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
        return Ok(());
    }
    for command in commands {
        if !Command::new("sh").args(["-c", command]).status()?.success() {
            return writeln!(out, "  failed   {}", plain(command));
        }
    }
    writeln!(out, "  done")
}

fn verdict(told: &[Told]) -> Result<()> {
    let failed = told.iter().filter(|told| matches!(told.outcome, Outcome::Failed(_))).count();
    match failed {
        0 => Ok(()),
        1 => bail!("one store is not as it should be; see above"),
        failed => bail!("{failed} stores are not as they should be; see above"),
    }
}
