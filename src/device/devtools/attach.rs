//! Leads others to a tab: their DevTools.

use bytes::Bytes;
use http::{
    HeaderValue, Request, StatusCode,
    header::{CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE},
};
use http_body_util::Empty;
use hyper::{client::conn::http1, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{task::JoinSet, time::timeout};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{Error, Target, frontend::Frontend, http::HEAD, wire::ANSWER};
use crate::device::adb::Adb;

/// A tab of a phone that shows the project, as DevTools see it.
#[derive(Clone, Debug)]
pub struct Debuggee {
    pub(in crate::device) adb: Adb,
    pub(in crate::device) serial: String,
    pub(in crate::device) target: Target,
}

impl Debuggee {
    /// The address of its page, fit to be shown.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.target.tab.url
    }

    /// The DevTools that fit it.
    #[must_use]
    pub fn frontend(&self) -> &Frontend {
        &self.target.frontend
    }

    /// Whether it is the same tab, whatever page it shows by now.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let place = |tab: &Self| (tab.serial.clone(), tab.target.tab.browser.clone(), tab.target.id.clone());
        place(self) == place(other)
    }

    /// A connection on which its browser speaks websocket with whoever made the `key`.
    ///
    /// # Errors
    /// Why its browser does not, fit to be shown.
    pub async fn attach(&self, key: &HeaderValue) -> Result<TokioIo<Upgraded>, String> {
        let attached = timeout(ANSWER, self.switch(key)).await.unwrap_or(Err(Error::Late(ANSWER)));
        attached.map(TokioIo::new).map_err(|error| error.to_string())
    }

    /// The browser is told no `Origin`: it takes none but its own.
    async fn switch(&self, key: &HeaderValue) -> Result<Upgraded, Error> {
        let stream = self.adb.socket(&self.serial, &self.target.tab.browser).await?;
        let (mut sender, connection) = http1::Builder::new().max_buf_size(HEAD).handshake(TokioIo::new(stream)).await?;
        let mut driving = JoinSet::new();
        driving.spawn(connection.with_upgrades());
        let request = Request::get(self.target.path())
            .header(HOST, "localhost")
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, key)
            .body(Empty::<Bytes>::new())
            .map_err(|_| Error::Malformed)?;
        let answer = sender.send_request(request).await?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::Refused(answer.status().to_string()));
        }
        let accept = derive_accept_key(key.as_bytes());
        if answer.headers().get(SEC_WEBSOCKET_ACCEPT).is_none_or(|given| given.as_bytes() != accept.as_bytes()) {
            return Err(Error::Malformed);
        }
        Ok(hyper::upgrade::on(answer).await?)
    }
}

#[cfg(test)]
impl Debuggee {
    /// A tab of a phone that is behind this adb server.
    pub(crate) fn at(adb: std::net::SocketAddr, id: &str) -> Self {
        let text = str::to_owned;
        let url = text("http://localhost:4747/");
        let tab = super::Tab { browser: text("chrome_devtools_remote"), title: text("Shop"), url, is_ours: true };
        let target = Target { tab, id: text(id), frontend: Frontend::Bundled };
        Self { adb: Adb::new(adb, ANSWER), serial: text("39071FDJH0"), target }
    }
}
