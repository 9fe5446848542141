//! Stamps in templates: `{{ stamp.KEY }}`, with a note of the keys that a template uses.
//!
//! A template that uses keys whose values do not count is rendered once more with the constants of these: what comes out is
//! what counts.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Value;
use minijinja::value::{Enumerator, Object};

use crate::stamp::Stamps;

/// The name under which templates know them.
pub(super) const STAMP: &str = "stamp";

/// Which values a template sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// Those of the run.
    Values,
    /// Those that count.
    Counted,
}

/// What one template knows: the settings, and stamps unless the settings have something of that name.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) settings: Value,
    pub(super) stamps: Option<Value>,
}

impl Object for Known {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if key == STAMP && self.stamps.is_some() {
            return self.stamps.clone();
        }
        let value = self.settings.get_attr(key).ok()?;
        (!value.is_undefined()).then_some(value)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let settings = self.settings.try_iter().into_iter().flatten();
        let stamp = self.stamps.iter().map(|_| Value::from(STAMP));
        Enumerator::Values(settings.chain(stamp).collect())
    }
}

/// The stamps that one template sees.
#[derive(Debug)]
pub(super) struct SeenStamps {
    stamps: Arc<Stamps>,
    view: View,
    used: Mutex<BTreeSet<String>>,
}

impl SeenStamps {
    pub(super) fn new(stamps: &Arc<Stamps>, view: View) -> Self {
        Self {
            stamps: Arc::clone(stamps),
            view,
            used: Mutex::default(),
        }
    }

    /// Gives the keys that were asked for, with those that nobody knows.
    pub(super) fn used(&self) -> BTreeSet<String> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.clone()
    }
}

impl Object for SeenStamps {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert(key.to_owned());
        let found = match self.view {
            View::Values => self.stamps.find(key),
            View::Counted => self.stamps.find_counted(key),
        };
        found.map(Value::from)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.stamps.keys().map(Value::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use crate::render::{KnownImages, RenderError, Rendered, Renderer, Template};
    use crate::settings::{Layer, parse_settings};
    use crate::stamp::parse_status;

    const SETTINGS: &str = "stamp_defaults: {STABLE_A: none, B: local}\n";

    fn render(text: &str) -> Result<Rendered, Box<RenderError>> {
        let layer = Layer {
            path: Path::new("config.yaml"),
            text: SETTINGS,
        };
        let mut settings = parse_settings(&[layer]).unwrap().settings;
        let status = parse_status("STABLE_A 1\nB main\n").unwrap().at(7);
        settings.stamps = settings.stamps.with(&status);
        let part = |path: &Path| path.ends_with("part").then(|| "{{ stamp.B }}".to_owned());
        let renderer = Renderer::new(&settings, Arc::new(KnownImages::default()), part);
        let path = Path::new("img/Dockerfile.template");
        renderer.render(&Template { path, text })
    }

    #[track_caller]
    fn case(text: &str, dockerfile: &str, counted: Option<&str>, stamps: &[&str]) {
        let rendered = render(text).unwrap();
        assert_eq!(rendered.dockerfile, dockerfile, "{text}");
        let counts = rendered.counted.as_ref();
        let counts = counts.map(|counts| counts.dockerfile.as_str());
        assert_eq!(counts, counted, "{text}");
        let keys: Vec<&String> = rendered.stamps.keys().collect();
        assert_eq!(keys, stamps, "{text}");
    }

    #[test]
    fn a_template_counts_with_the_values_of_stable_stamps_and_the_constants_of_others() {
        case("{{ stamp.STABLE_A }}", "1", None, &["STABLE_A"]);
        case("{{ stamp.B }}", "main", Some("local"), &[]);
        case(
            "{{ stamp.STABLE_A }}{{ stamp['B'] }}{{ stamp.BUILD_TIMESTAMP }}",
            "1main7",
            Some("1local0"),
            &["STABLE_A"],
        );
        case("{% include 'part' %}", "main", Some("local"), &[]);
        case(
            "{% if stamp.B == 'local' %}x{% endif %}",
            "",
            Some("x"),
            &[],
        );
        case(
            "{% if stamp.STABLE_A %}x{% endif %}",
            "x",
            None,
            &["STABLE_A"],
        );
        let other = "{% if stamp.B == 'main' %}{{ stamp.STABLE_A }}{% endif %}";
        case(other, "1", Some(""), &[]);
        let other = "{% if stamp.B == 'local' %}{{ stamp.STABLE_A }}{% endif %}";
        case(other, "", Some("1"), &["STABLE_A"]);
        case("{{ stamp.X | default('y') }}", "y", None, &[]);
        case("{{ stamp.B | length > 2 }}", "True", None, &[]);
        case("x", "x", None, &[]);
    }

    #[test]
    fn all_stamps_can_be_gone_through() {
        case(
            "{% for key in stamp %}{{ key }} {% endfor %}",
            "B BUILD_TIMESTAMP STABLE_A ",
            None,
            &[],
        );
        case(
            "{% for key, value in stamp.items() %}{{ value }} {% endfor %}",
            "main 7 1 ",
            Some("local 0 1 "),
            &["STABLE_A"],
        );
    }

    #[track_caller]
    fn refused(text: &str, message: &str, hint: &str) {
        let error = render(text).expect_err(text);
        assert_eq!(error.to_string(), message, "{text}");
        assert_eq!(
            error.place.to_string(),
            "img/Dockerfile.template:2:4",
            "{text}"
        );
        let hints = error.hints.join("\n");
        assert!(hints.contains(hint), "{hints}");
    }

    #[test]
    fn a_key_that_nobody_defines_is_told_with_the_way_to_define_it() {
        let hint = "stamp_defaults: {COMMIT: \"…\"}";
        refused("a\n{{ stamp.COMMIT }}", "`stamp.COMMIT` has no value", hint);
        refused(
            "a\n{{ stamp['COMMIT'] }}",
            "`stamp['COMMIT']` has no value",
            hint,
        );
        refused(
            "a\n{{ stamp.STABLE_B }}",
            "`stamp.STABLE_B` has no value",
            "`STABLE_A`",
        );
        refused("a\n{{ stamps.B }}", "`stamps` has no value", "`stamp`");
    }

    #[test]
    fn a_fault_that_the_constants_bring_is_told() {
        let error = render("a\n{{ 1 // (stamp.B | length - 5) }}").expect_err("a division by zero");
        assert_eq!(error.place.to_string(), "img/Dockerfile.template:2:4");
    }
}
