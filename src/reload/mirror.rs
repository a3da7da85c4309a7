//! Acts of one page on their way to the others, where the project asks for that (`[live] mirror`).
//!
//! It is a way of its own: a page that takes them too slowly misses some of them, and no reload.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::broadcast::{Receiver, Sender, error::RecvError};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{act::Act, message::Message};

/// Acts that a page may be behind; of older ones it hears nothing.
const QUEUE: usize = 64;

/// The way between pages.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    is_on: AtomicBool,
    /// Made for the first page that is opened while it is on.
    acts: OnceLock<Sender<Arc<Mirrored>>>,
}

/// An act, and whose it was.
#[derive(Debug)]
pub(super) struct Mirrored {
    /// The number of the page.
    from: u64,
    /// What it shows; `None` when pages that show something else do the same.
    path: Option<String>,
    pub(super) text: Utf8Bytes,
}

impl Mirror {
    pub(super) fn set(&self, is_on: bool) {
        self.is_on.store(is_on, Ordering::Relaxed);
    }

    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// A page's end; `None` when nothing is mirrored.
    pub(super) fn listen(&self) -> Option<Receiver<Arc<Mirrored>>> {
        self.is_on().then(|| self.acts.get_or_init(|| Sender::new(QUEUE)).subscribe())
    }

    /// Tells the other pages what was done in one of this number that shows this path.
    pub(super) fn tell(&self, from: u64, path: &str, act: Act) {
        if let (true, Some(acts)) = (self.is_on(), self.acts.get()) {
            let of = (!act.is_for_all()).then(|| path.to_owned());
            let text = Message::Mirror { path: path.to_owned(), act }.text();
            // Nobody listens: nobody misses it.
            let _ = acts.send(Arc::new(Mirrored { from, path: of, text }));
        }
    }
}

impl Mirrored {
    /// Whether a page does the same.
    pub(super) fn concerns(&self, number: u64, path: &str) -> bool {
        self.from != number && self.path.as_deref().is_none_or(|of| of == path)
    }
}

/// The next act; never one where nothing is mirrored. Cancel-safe.
pub(super) async fn next(acts: &mut Option<Receiver<Arc<Mirrored>>>) -> Arc<Mirrored> {
    let Some(acts) = acts else { return std::future::pending().await };
    loop {
        match acts.recv().await {
            Ok(act) => return act,
            Err(RecvError::Lagged(_)) => (),
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit() -> Act {
        Act::Visit { address: "/b".into() }
    }

    fn scroll() -> Act {
        Act::Scroll { element: None, x: 0.0, y: 0.5 }
    }

    #[tokio::test]
    async fn pages_of_the_same_path_hear_of_all_and_others_where_one_goes() {
        let mirror = Mirror::default();
        mirror.set(true);
        let mut acts = mirror.listen();
        mirror.tell(1, "/a", scroll());
        mirror.tell(1, "/a", visit());
        let heard = [next(&mut acts).await, next(&mut acts).await];
        let check = |number, path, expected| assert_eq!(heard.each_ref().map(|act| act.concerns(number, path)), expected);
        check(2, "/a", [true, true]);
        check(2, "/b", [false, true]);
        check(2, "/a/", [false, true]);
        check(1, "/a", [false, false]);
        assert_eq!(
            heard[0].text.as_str(),
            r#"{"type":"mirror","path":"/a","act":{"kind":"scroll","element":null,"x":0.0,"y":0.5}}"#
        );
    }

    #[tokio::test]
    async fn nothing_is_told_unasked_and_the_newest_to_who_is_slow() {
        let mirror = Mirror::default();
        mirror.tell(1, "/a", visit());
        assert!(mirror.listen().is_none(), "nobody asked for it");
        mirror.set(true);
        let mut acts = mirror.listen();
        (0..QUEUE * 2).for_each(|_| mirror.tell(1, "/a", scroll()));
        mirror.tell(1, "/a", visit());
        let mut heard = 1;
        while next(&mut acts).await.path.is_some() {
            heard += 1;
        }
        assert_eq!(heard, QUEUE);
        mirror.set(false);
        mirror.tell(1, "/a", visit());
        assert!(acts.is_some_and(|mut acts| acts.try_recv().is_err()), "nobody asks for it any more");
    }
}
