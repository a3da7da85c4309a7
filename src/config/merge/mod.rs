//! Makes one [`Config`] of what flags, environment, file and detection say: flag > environment > file > detection > default.
//!
//! [`merge`] is pure: whatever has to be read has been read, but for the files of variables, which it names and is handed. The precedence of the first three is [`Layer::over`]; detection and
//! the defaults come in here, for the site in [`site`] and for the program in [`app`].

mod app;
mod routes;
mod site;
mod steps;

use std::path::{Path, PathBuf};

use site::Behind;

use super::{
    AppConfig, Config, ConfigError, Detected, DeviceConfig, FAILURE, Failure, FaultConfig, LISTEN_PORT, Lan, Layer, LiveConfig,
    ServerConfig, Share, SiteConfig, TlsConfig, TrafficConfig, WatchConfig, Writes,
    detect::{AppFound, Found},
    file::{self, File},
    value::Host,
};

/// The glob that every URL path matches.
const EVERY_PATH: &str = "/**";

/// Everything a configuration is made of.
pub(super) struct Sources {
    /// The project's folder, absolute.
    pub(super) root: PathBuf,
    pub(super) flags: Layer,
    pub(super) env: Layer,
    pub(super) file: Option<File>,
    pub(super) found: Found,
    /// Reads files of variables beneath a folder, those left out that the shell has.
    pub(super) read_variables: &'static ReadVariables,
}

/// See [`Sources::read_variables`].
pub(super) type ReadVariables = dyn Fn(&Path, &[PathBuf], &[(String, String)]) -> Result<Vec<(String, String)>, ConfigError>;

/// Merges the sources.
///
/// # Errors
/// When they contradict one another, or lack something that has no default.
pub(super) fn merge(sources: Sources) -> Result<Config, ConfigError> {
    let Sources { root, flags, env, file, found, read_variables } = sources;
    let toml = file.as_ref().map(|_| root.join(file::NAME));
    let File {
        layer,
        hosts,
        site,
        versions,
        app,
        routes,
        cors,
        inject_except,
        workspace,
        traffic,
        device,
        ignore,
        faults,
        limits,
    } = file.unwrap_or_default();
    let layer = flags.over(env).over(layer);
    let project = project_name(&root);

    let routes = routes::merge(&root, &layer, routes, app.env_files.as_deref(), read_variables)?;
    let program = app::merge(&root, &layer, app, &found, read_variables)?;
    let program = program.map(|program| AppConfig { answer: limits.time.answer, ..program });
    let behind = Behind::new(program.as_ref().filter(|app| app.is_run), layer.upstream.as_ref(), found.app.as_ref());
    let (site, site_words) = site::merge(&root, &project, site, found.site, behind)?;
    let writes = writes(&layer)?;
    let faults: Vec<FaultConfig> = faults.into_iter().chain(fault_of_the_run(&layer)).collect();
    let site = site.map(|site| SiteConfig { versions, writes, body: limits.body, ..site });
    let program_words = program_words(found.app.as_ref(), &layer);
    let restrictions = restrictions(site.as_ref(), &faults);
    let env_files = program.iter().flat_map(|program| &program.env_files);
    let always = env_files.chain(&routes.files).cloned().collect();
    let route_words: Vec<_> = routes::words(&routes.routes).collect();

    Ok(Config {
        project,
        file: toml,
        server: server(&root, &layer, hosts)?,
        open: layer.open.unwrap_or(false),
        editor: layer.editor,
        log: layer.log.unwrap_or_default(),
        site,
        app: program,
        upstream: layer.upstream,
        upstream_reloads_itself: found.app.as_ref().is_some_and(|app| app.settings.is_some()),
        routes: routes.routes,
        route_files: routes.files,
        cors,
        live: LiveConfig {
            console: layer.console.unwrap_or(true),
            inject: layer.inject.unwrap_or(true),
            inject_except,
            mirror: layer.mirror.unwrap_or(false),
            morph: layer.morph.unwrap_or(true),
            timing: layer.timing.unwrap_or(true),
            workspace: workspace.unwrap_or(true),
        },
        traffic: TrafficConfig { capture: traffic.capture.unwrap_or(true), except: traffic.except },
        device: DeviceConfig { adb: layer.adb.unwrap_or(true), ports: device.ports, devtools: device.devtools.unwrap_or(false) },
        wsl_distribution: layer.wsl_distribution,
        watch: WatchConfig { poll: layer.poll.unwrap_or(false), ignore: ignored(found.app.as_ref(), ignore), always },
        faults,
        limits,
        detected: program_words.into_iter().chain(site_words).chain(route_words).chain(restrictions).chain(found.notes).collect(),
        root,
    })
}

fn server(root: &Path, layer: &Layer, hosts: Vec<String>) -> Result<ServerConfig, ConfigError> {
    let host = layer.host.and_then(Host::address);
    let lan = layer.lan.clone().unwrap_or_default();
    if lan != Lan::Off && host.is_some_and(|address| !address.is_loopback()) {
        return Err(ConfigError::HostAndLan);
    }
    Ok(ServerConfig {
        port: layer.port.unwrap_or(LISTEN_PORT),
        strict_port: layer.strict_port.unwrap_or(false),
        host,
        hosts,
        lan,
        tls: tls(root, layer)?,
    })
}

/// A certificate that is named is used, unless TLS is switched off in so many words. A file may hold the key with the certificate.
fn tls(root: &Path, layer: &Layer) -> Result<TlsConfig, ConfigError> {
    let at = |path: &PathBuf| root.join(path);
    match (layer.tls, &layer.tls_cert, &layer.tls_key) {
        (_, None, Some(_)) => Err(ConfigError::KeyWithoutCertificate),
        (Some(false), _, _) | (None, None, None) => Ok(TlsConfig::Off),
        (Some(true), None, None) => Ok(TlsConfig::Local),
        (_, Some(cert), key) => Ok(TlsConfig::Files { cert: at(cert), key: at(key.as_ref().unwrap_or(cert)) }),
    }
}

fn writes(layer: &Layer) -> Result<Writes, ConfigError> {
    match (layer.read_only.unwrap_or(false), layer.ephemeral.unwrap_or(false)) {
        (true, true) => Err(ConfigError::TwoKindsOfWrites),
        (true, false) => Ok(Writes::Refused),
        (false, true) => Ok(Writes::Memory),
        (false, false) => Ok(Writes::Durable),
    }
}

/// What makes this run other than a plain one; nobody should look for the reason in their own code.
fn restrictions(site: Option<&SiteConfig>, faults: &[FaultConfig]) -> Vec<Detected> {
    let said = |what: &str, why: &str| Detected { what: what.to_owned(), why: why.to_owned() };
    let writes = site.filter(|site| site.data.is_some()).and_then(|site| match site.writes {
        Writes::Durable => None,
        Writes::Memory => Some(said("writes in memory only", "`ephemeral` is set: what the API is sent is gone at the end")),
        Writes::Refused => Some(said("no writes", "`read_only` is set: the API refuses them")),
    });
    let faults =
        (!faults.is_empty()).then(|| said("simulated faults", "answers may be slow or fail; `Everlit-Fault` marks them"));
    writes.into_iter().chain(faults).collect()
}

/// What is simulated where no `[[fault]]` says otherwise; it comes last.
fn fault_of_the_run(layer: &Layer) -> Option<FaultConfig> {
    let failure = layer.fail.filter(|share| *share != Share::NONE).map(|share| Failure { share, status: FAILURE });
    let (delay, jitter) = (layer.delay.unwrap_or_default(), layer.jitter.unwrap_or_default());
    let is_something = failure.is_some() || !delay.is_zero() || !jitter.is_zero();
    is_something.then(|| FaultConfig { path: EVERY_PATH.to_owned(), methods: None, delay, jitter, failure })
}

/// What was detected of the program, or why it is not run.
fn program_words(found: Option<&AppFound>, layer: &Layer) -> Option<Detected> {
    let words = found?.words.clone();
    Some(match &layer.upstream {
        None => words,
        Some(url) => Detected { what: format!("{} is not run", words.what), why: format!("{url} answers in its place") },
    })
}

fn ignored(found: Option<&AppFound>, ignore: Vec<String>) -> Vec<String> {
    let outputs = found.map(|app| app.outputs.clone()).unwrap_or_default();
    outputs.into_iter().chain(ignore).collect()
}

/// The folder's name, reduced to what may stand in a vendor media type (RFC 6838 §4.2) in front of `.v1+json`.
fn project_name(root: &Path) -> String {
    let name = root.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let fit = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
    let name: String = name.chars().map(fit).take(LONGEST_NAME).collect();
    let name = name.trim_matches(['-', '.', '_']);
    if name.is_empty() { "project".to_owned() } else { name.to_owned() }
}

/// RFC 6838 gives a subtype 64 characters at best; this leaves room for `vnd.` and a version.
const LONGEST_NAME: usize = 48;

#[cfg(test)]
mod tests;
