//! `everlit trace`: what a running server did and was asked, as a file for DevTools, `chrome://tracing` or Perfetto.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::timeout,
};

use super::args::TraceArgs;
use crate::process::{self, Control, Other};

/// How long the server may take: it writes down what it has in memory.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Stands for standard output.
const STANDARD_OUTPUT: &str = "-";

/// Writes the trace of the run that serves a project.
///
/// # Errors
/// When nobody serves it, the server does not answer, or the file cannot be written.
pub(super) fn trace(args: &TraceArgs) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    let control = control(&runtime, &args.dir)?;
    let last = args.span.map(wait).map(|last| format!("?last_ms={}", last.as_millis())).unwrap_or_default();
    let trace = runtime.block_on(ask(&control, &format!("api/trace{last}"))).context("the server gave no trace")?;
    if args.output == Path::new(STANDARD_OUTPUT) {
        return Ok(io::stdout().lock().write_all(&trace)?);
    }
    fs::write(&args.output, &trace).with_context(|| format!("cannot write {}", args.output.display()))?;
    let words = "load it in the Performance panel of DevTools, in chrome://tracing, or at https://ui.perfetto.dev";
    Ok(writeln!(io::stdout().lock(), "wrote {}; {words}", args.output.display())?)
}

/// Lets that time pass, for the person to do what is to be in the trace.
fn wait(span: Duration) -> Duration {
    let _ = writeln!(io::stderr(), "waiting for {span:?}: save, load pages, then see the trace");
    thread::sleep(span);
    span
}

/// The control listener of the run that serves a folder, or one above it.
fn control(runtime: &Runtime, dir: &Path) -> Result<Control> {
    ensure!(
        cfg!(target_os = "linux"),
        "a running server is found on Linux alone; `everlit dev --log json` prints where its control listener is: ask that for /api/trace"
    );
    let folder = fs::canonicalize(dir).with_context(|| format!("cannot find {}", dir.display()))?;
    let _within = runtime.enter();
    let Some(run) = folder.ancestors().find_map(process::find) else { bail!(nobody(&folder, &process::runs())) };
    run.control.with_context(|| format!("process {} serves it and does not answer", run.pid))
}

/// What to do where nobody serves a folder.
fn nobody(folder: &Path, runs: &[Other]) -> String {
    let others: Vec<_> =
        runs.iter().filter_map(|run| Some(format!("{} at {}", run.project.as_ref()?, run.url.as_ref()?))).collect();
    let start = format!("nobody serves {}: start it with `everlit dev`", folder.display());
    if others.is_empty() {
        start
    } else {
        format!("{start}, or name the folder of a project that is served: {}", others.join(", "))
    }
}

/// The answer to a GET.
async fn ask(control: &Control, target: &str) -> Result<Bytes> {
    let uri: Uri = format!("{}{target}", control.url).parse()?;
    let authority = uri.authority().context("the control listener has no address")?.to_string();
    let exchange = async {
        let stream = TcpStream::connect(&authority).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut driving = JoinSet::new();
        driving.spawn(connection);
        let request = Request::get(uri.path_and_query().map_or("/", |target| target.as_str()))
            .header(header::HOST, &authority)
            .header(header::AUTHORIZATION, format!("Bearer {}", control.token))
            .body(Empty::<Bytes>::new())?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        ensure!(status == StatusCode::OK, "it answered {status}; is it of the same version?");
        Ok(answer.into_body().collect().await?.to_bytes())
    };
    timeout(ANSWER_LIMIT, exchange).await.with_context(|| format!("it has not answered for {} s", ANSWER_LIMIT.as_secs()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_else_is_served_is_named() {
        let run = |project: &str, url: &str| Other {
            pid: 1,
            url: Some(url.into()),
            project: Some(project.into()),
            phones: None,
            control: None,
        };
        let check = |runs: &[Other], expected: &str| assert_eq!(nobody(Path::new("/x"), runs), expected);
        check(&[], "nobody serves /x: start it with `everlit dev`");
        let others = [run("shop", "http://localhost:4747/"), run("blog", "http://localhost:4748/")];
        check(
            &others,
            "nobody serves /x: start it with `everlit dev`, or name the folder of a project that is served: shop at \
             http://localhost:4747/, blog at http://localhost:4748/",
        );
    }
}
