//! What goes to other servers: the routes of the file and those of flags and variables, with their headers filled in.

use std::path::{Path, PathBuf};

use http::{HeaderName, HeaderValue};

use super::{ReadVariables, app::ENV_FILES};
use crate::config::{
    ConfigError, Detected, FileError, Layer, RouteConfig,
    file::{HeaderKeys, RouteKeys},
};

/// The routes, the most particular first, and the files of variables their headers are filled from.
pub(super) struct Routes {
    pub(super) routes: Vec<RouteConfig>,
    pub(super) files: Vec<PathBuf>,
}

/// `env_files`: those that `[app]` names.
pub(super) fn merge(
    root: &Path,
    layer: &Layer,
    keys: Vec<RouteKeys>,
    env_files: Option<&[PathBuf]>,
    read_variables: &ReadVariables,
) -> Result<Routes, ConfigError> {
    let has_variables = keys.iter().flat_map(|route| &route.headers).any(|header| header.value.has_variables());
    let files = match (has_variables, env_files) {
        (false, _) => Vec::new(),
        (true, Some(files)) => files.to_vec(),
        (true, None) => ENV_FILES.map(PathBuf::from).to_vec(),
    };
    let shell = layer.shell.as_deref().unwrap_or_default();
    let read = read_variables(root, &files, shell)?;
    let known =
        |name: &str| [shell, &read].into_iter().flatten().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let mut routes: Vec<RouteConfig> = layer.routes.clone();
    for RouteKeys { route, headers } in keys {
        if routes.iter().all(|given| given.path != route.path) {
            let headers = headers.into_iter().map(|header| filled(header, known)).collect::<Result<_, _>>()?;
            routes.push(RouteConfig { headers, ..route });
        }
    }
    // The sort keeps the order of those that are equally particular; no path takes two of them.
    routes.sort_by_key(|route| std::cmp::Reverse(route.path.depth()));
    Ok(Routes { routes, files })
}

fn filled<'v>(
    HeaderKeys { name, value, place }: HeaderKeys,
    known: impl Fn(&str) -> Option<&'v str>,
) -> Result<(HeaderName, HeaderValue), FileError> {
    let wrong = |message: String| FileError { message, ..place.clone() };
    let text = value.fill(known).map_err(|variable| {
        wrong(format!(
            "`{name}` needs the variable `{variable}`, which is not set; export it, put it into .env, or write \
             `${{{variable}:-otherwise}}`"
        ))
    })?;
    let refused = |_| wrong(format!("`{name}` must be without line breaks and control characters, which a variable in it has"));
    let mut value = HeaderValue::try_from(text).map_err(refused)?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// The routes in words.
pub(super) fn words(routes: &[RouteConfig]) -> impl Iterator<Item = Detected> + '_ {
    routes.iter().map(|route| Detected {
        what: format!("{} goes to {}", route.path, route.address()),
        why: match (route.path.is_everything(), route.site_first) {
            (true, false) => "`[[proxy]]` takes every path: no site and no program is asked".to_owned(),
            (true, true) => "`[[proxy]]`, for what the site does not have; no program is asked".to_owned(),
            (false, true) => "`[[proxy]]`, for what the site does not have".to_owned(),
            (false, false) => "`[[proxy]]`, before the site".to_owned(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, fixture::TestFolder, load, route::short};

    fn loaded(files: &str, flags: Layer, env: Layer) -> Result<Config, ConfigError> {
        load(TestFolder::new(files).path(), flags, env)
    }

    #[test]
    fn routes_of_flags_stand_before_those_of_the_file() {
        let toml = "-- everlit.toml --\n[[proxy]]\npath = \"/a\"\nto = \"http://a\"\nheaders = { X = \"${A}${B:-b}\" }\n\
                    [[proxy]]\npath = \"/a/b/\"\nto = \"http://b\"\n";
        let shown = |files: &str, routes: &[&str], shell: &[(&str, &str)]| {
            let routes = routes.iter().map(|text| short(text).unwrap()).collect();
            let shell = shell.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let config = loaded(files, Layer { routes, ..Layer::default() }, Layer { shell: Some(shell), ..Layer::default() })?;
            let value = |route: &RouteConfig| route.headers.first().map(|(_, value)| value.to_str().unwrap().to_owned());
            let words = |route: &RouteConfig| format!("{} {} {:?}", route.path, route.address(), value(route));
            Ok::<_, ConfigError>(config.routes.iter().map(words).collect::<Vec<_>>())
        };
        let a = [("A", "1")];
        assert_eq!(shown(toml, &[], &a).unwrap(), ["/a/b/ http://b None", "/a http://a Some(\"1b\")"]);
        assert_eq!(
            shown(toml, &["/a=http://c", "/a/b=http://d"], &[]).unwrap(),
            ["/a/b/ http://b None", "/a/b http://d None", "/a http://c None"]
        );
        assert_eq!(shown(&format!("-- .env --\nA=2\n{toml}"), &[], &[]).unwrap()[1], "/a http://a Some(\"2b\")");
        let missing = shown(toml, &[], &[]).unwrap_err().to_string();
        assert_eq!(
            missing,
            "everlit.toml:4:17: `x` needs the variable `A`, which is not set; export it, put it into .env, or write `${A:-otherwise}`"
        );
        let broken = shown(toml, &[], &[("A", "secret\nline")]).unwrap_err().to_string();
        assert!(
            broken.starts_with("everlit.toml:4:17: `x` must be without line breaks") && !broken.contains("secret"),
            "{broken}"
        );
    }
}
