//! Whether a server that is named is the one that is asked: only the port that was really taken tells.

use std::net::IpAddr;

use http::Uri;

use super::{Config, ConfigError, route::is_local_name};

impl Config {
    /// The same configuration, unless a server that it names is the one that listens on `port` itself.
    ///
    /// # Errors
    /// [`ConfigError::Itself`].
    pub fn listening_on(self, port: u16) -> Result<Self, ConfigError> {
        let upstream = self.upstream.iter().map(|to| ("`upstream`".to_owned(), to));
        let mut targets = upstream.chain(self.routes.iter().map(|route| (format!("`[[proxy]]` {}", route.path), &route.to)));
        match targets.find(|(_, to)| to.port_u16() == Some(port) && self.is_own_name(to)) {
            Some((what, to)) => Err(ConfigError::Itself { what, address: to.to_string() }),
            None => Ok(self),
        }
    }

    fn is_own_name(&self, to: &Uri) -> bool {
        let name = to.host().unwrap_or_default().trim_matches(['[', ']']);
        let address = name.parse::<IpAddr>();
        match self.server.host {
            None => is_local_name(name) || address.is_ok_and(|address| address.is_loopback()),
            Some(own) => address == Ok(own) || own.is_unspecified() && is_local_name(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Layer, fixture::TestFolder, load};

    #[test]
    fn nobody_is_a_server_of_their_own() {
        let check = |files: &str, port: u16, expected: Option<&str>| {
            let found = load(TestFolder::new(files).path(), Layer::default(), Layer::default())
                .unwrap()
                .listening_on(port)
                .err()
                .map(|error| error.to_string());
            assert_eq!(found.is_some(), expected.is_some(), "{files}");
            assert!(found.unwrap_or_default().starts_with(expected.unwrap_or_default()), "{files}");
        };
        let route = |to: &str| format!("-- everlit.toml --\n[[proxy]]\npath = \"/a\"\nto = \"{to}\"\n");
        check(
            &route("http://localhost:4747"),
            4747,
            Some("`[[proxy]]` /a goes to http://localhost:4747/, which is this server itself"),
        );
        check(&route("http://[::1]:4747/x"), 4747, Some("`[[proxy]]` /a goes to"));
        check(&route("http://shop.localhost:4747"), 4747, Some("`[[proxy]]` /a goes to"));
        check(&route("http://localhost:4747"), 4748, None);
        check(&route("http://192.0.2.1:4747"), 4747, None);
        check("-- everlit.toml --\nupstream = \"http://127.0.0.1:4747\"\n", 4747, Some("`upstream` goes to"));
    }
}
