//! Rows as templates see them: parsed when they are looked at, so that a page pays for no more than it shows.

use std::sync::Arc;

use minijinja::{
    Value,
    value::{Enumerator, Object, ObjectRepr, Serde},
};

use super::{Form, Row, Snapshot};

/// One row.
pub(crate) fn of_row(row: &Row) -> Value {
    Value::from(Serde(row.object()))
}

/// All rows of a collection, or the one object of a singleton.
pub(crate) fn of_snapshot(snapshot: Arc<Snapshot>) -> Value {
    match (snapshot.form(), snapshot.rows()) {
        (Form::Singleton, [row]) => of_row(row),
        _ => Value::from_object(Rows(snapshot)),
    }
}

/// A sequence.
#[derive(Debug)]
struct Rows(Arc<Snapshot>);

impl Object for Rows {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.rows().get(key.as_usize()?).map(|row| of_row(row))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.rows().len())
    }
}

#[cfg(test)]
mod tests {
    use minijinja::{Environment, context};

    use super::*;
    use crate::site::resource::document::Format;

    #[test]
    fn templates_see_sequences_and_objects() {
        let rows = r#"[{"id":1,"n":{"a":"x"}},{"id":2,"n":{"a":"y"}}]"#;
        check(rows, "{{ data | length }} {{ data[1].n.a }} {{ data | map(attribute='id') | join(',') }}", "2 y 1,2");
        check(rows, "{% for row in data | selectattr('id', 'eq', 2) %}{{ row.n.a }}{% endfor %}", "y");
        check(rows, "{{ data[7] is undefined }} {{ (data | last).id }} {{ data | tojson }}", &format!("True 2 {rows}"));
        check(r#"{"name":"Shop"}"#, "{{ data.name }}", "Shop");

        fn check(text: &str, template: &str, expected: &str) {
            let data = of_snapshot(Arc::new(Snapshot::read(Format::Json, text, None).unwrap()));
            let page = Environment::new().render_str(template, context! { data }).unwrap();
            assert_eq!(page.replace(": ", ":").replace(", ", ","), expected);
        }
    }
}
