//! What the API says of itself: an index, an OpenAPI document, and pages of both.
//!
//! The builders take an [`Api`], which is plain data, and give JSON or HTML: [`openapi`] is the document, [`Index`] what `/api`
//! answers, [`index_page`] and [`docs_page`] the pages. They promise only what holds after any write: what items happen to look
//! like goes into examples and descriptions, and types into a schema where a schema file keeps them.
//!
//! Absent here: HTTP, files, and how facts are gathered. Nothing fails on odd names or hostile data; what is too long for an example
//! is left out.

mod address;
mod docs;
mod index;
mod infer;
mod openapi;
mod page;
mod schema_file;
#[cfg(test)]
mod shop;

use serde_json::{Map, Value};

pub(crate) use self::{
    index::Index,
    openapi::openapi,
    page::{docs_page, index_page},
};

/// The member that names an item.
const ID: &str = "id";

/// Everything there is to tell.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    /// The name of the project, as vendor types spell it too.
    pub(crate) project: String,
    /// Whether anything may be changed.
    pub(crate) writable: bool,
    /// In the order in which they are told.
    pub(crate) resources: Vec<ResourceFacts>,
}

/// One resource.
#[derive(Clone, Debug)]
pub(crate) struct ResourceFacts {
    pub(crate) name: String,
    pub(crate) form: Form,
    /// Items there are; 1 for a singleton.
    pub(crate) count: usize,
    /// At least the current one. It stands first.
    pub(crate) versions: Vec<VersionFacts>,
    pub(crate) id_kind: IdKind,
    /// Media types of the templates that show it.
    pub(crate) pages: Vec<String>,
    /// What can be had below an item of it.
    pub(crate) children: Vec<Child>,
    /// Values that `_embed` takes: resources whose items refer to an item of this one.
    pub(crate) embeds: Vec<String>,
    /// Values that `_expand` takes: what an item of this one refers to.
    pub(crate) expands: Vec<String>,
}

/// One version of a resource.
#[derive(Clone, Debug, Default)]
pub(crate) struct VersionFacts {
    pub(crate) number: u32,
    pub(crate) is_current: bool,
    /// The JSON Schema that every write is checked against, as this version has it.
    pub(crate) schema: Option<Value>,
    /// Items as this version shows them; some hundred are enough.
    pub(crate) samples: Vec<Map<String, Value>>,
    /// Members that a write in this version is refused for.
    pub(crate) refused: Vec<String>,
    /// Since when it is deprecated, as people read it.
    pub(crate) deprecated: Option<String>,
    /// When it goes away, as people read it.
    pub(crate) sunset: Option<String>,
}

/// A resource that is nested below an item of another: `/api/users/1/posts`.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    /// The name of the resource: `posts`.
    pub(crate) resource: String,
    /// The member of its items that names the item above: `userId`.
    pub(crate) key: String,
}

/// What a resource is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Items with ids.
    Collection,
    /// One object.
    Singleton,
}

/// What the ids of a collection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdKind {
    /// All are whole numbers.
    Integer,
    /// Some are texts.
    Text,
}

impl ResourceFacts {
    fn current(&self) -> Option<&VersionFacts> {
        self.versions.iter().find(|version| version.is_current)
    }
}

/// Whether a value has no more bytes than `limit` as JSON.
fn is_short(value: &Value, limit: usize) -> bool {
    // Maps with text keys always have a JSON form.
    serde_json::to_string(value).is_ok_and(|text| text.len() <= limit)
}
