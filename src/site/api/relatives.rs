//! The other resources, for whoever shows one in relation to them.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use crate::site::resource::{Form, Resource, Row, Snapshot, Versions, relation::Related};

/// All collections as they are now, shown in one version.
pub(super) struct Relatives {
    collections: BTreeMap<String, (Arc<Snapshot>, Arc<Versions>)>,
    version: u32,
}

impl Relatives {
    /// Those of `resources` that can be read.
    pub(super) fn of(resources: impl Iterator<Item = Arc<Resource>>, version: u32) -> Self {
        let collections = resources.filter_map(|resource| {
            let snapshot = resource.snapshot().ok().filter(|snapshot| snapshot.form() == Form::Collection)?;
            Some((resource.name.clone(), (snapshot, resource.versions())))
        });
        Self { collections: collections.collect(), version }
    }

    fn snapshot(&self, collection: &str) -> Option<&Snapshot> {
        self.collections.get(collection).map(|(snapshot, _)| &**snapshot)
    }
}

impl Related for Relatives {
    fn names(&self) -> Vec<String> {
        self.collections.keys().cloned().collect()
    }

    fn rows<'a>(&'a self, collection: &str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        let rows = self.snapshot(collection).into_iter().flat_map(Snapshot::rows);
        Box::new(rows.map(|row: &Arc<Row>| row.json()))
    }

    fn row<'a>(&'a self, collection: &str, id: &str) -> Option<&'a str> {
        self.snapshot(collection)?.row(Some(id)).map(|row| row.json())
    }

    fn show(&self, collection: &str, json: &str) -> Map<String, Value> {
        let object: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
        let versions = self.collections.get(collection).map(|(_, versions)| versions);
        versions.and_then(|versions| Some(versions.show(self.version, &object)?.into_owned())).unwrap_or(object)
    }
}
