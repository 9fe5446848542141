//! Renders templates: the engine set up as docker-pkg sets up Jinja, once for all images.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};

use super::bounded::{Bounded, LARGEST};
use super::error::{RenderError, RenderFault, RenderWarning, shorten};
use super::fault::{BulkInside, Diagnosis};
use super::filters::{Record, add_filters};
use super::hints::Names;
use super::known::{ImageKind, KnownImages};
use super::stamps::{Known, STAMP, SeenStamps, View};
use super::template::{Template, find_path, join_name, name_of};
use super::variables::to_template_value;
use super::{jinja, python, source};
use crate::oci::Reference;
use crate::place::Place;
use crate::settings::Settings;
use crate::stamp::{CountedStamps, Stamps, is_stable};

/// Lines of a template, as many as the engine counts.
const MOST_LINES: usize = 60_000;
/// Steps of the engine for one template.
const MOST_STEPS: u64 = 5_000_000;
/// Macros and includes inside of each other.
const DEEPEST: usize = 100;
/// The stack that a thread needs in which templates are rendered: the engine reads code by calls inside of each other, and
/// so does it compare and drop values. Only what is used of it takes memory.
pub const STACK_BYTES: usize = 256 << 20;

/// A rendered template, and what it read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The Dockerfile.
    pub dockerfile: String,
    /// What counts into what the image is made from, where that is something else: with the constants of stamps that do not
    /// count by their values.
    pub counted: Option<Counted>,
    /// The stamps that count by their values, of those that the template used for what counts.
    pub stamps: CountedStamps,
    /// Every image that `image_tag` was asked for.
    pub used_images: BTreeSet<UsedImage>,
    /// What the user should know.
    pub warnings: Vec<RenderWarning>,
}

/// A template as it counts into what the image is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The Dockerfile.
    pub dockerfile: String,
    /// Every image that `image_tag` was asked for.
    pub used_images: BTreeSet<UsedImage>,
}

/// An image that a template asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsedImage {
    /// The name as the template gives it.
    pub name: String,
    /// Where the image comes from.
    pub kind: ImageKind,
    /// Its label.
    pub label: Reference,
    /// Where the template asks for it: with the line, where the name is written there.
    pub place: Place,
}

/// Gives the text of a file, or none where there is none.
type ReadFile = dyn Fn(&Path) -> Option<String> + Send + Sync;

/// Renders templates of one catalog; threads may share it.
pub struct Renderer {
    environment: Environment<'static>,
    variables: Value,
    /// Nothing where the settings have something of their name.
    stamps: Option<Arc<Stamps>>,
    read: Arc<ReadFile>,
}

impl Renderer {
    /// Sets up the engine. `read` gives the text of a file that a template includes, or none where there is none; it is
    /// asked only for files below the directory of the template.
    pub fn new(
        settings: &Settings,
        known: Arc<KnownImages>,
        read: impl Fn(&Path) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let read = Arc::new(read);
        let read_included = Arc::clone(&read);
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_debug(true);
        environment.set_fuel(Some(MOST_STEPS));
        environment.set_recursion_limit(DEEPEST);
        environment.set_formatter(|out, state, value| {
            python::check_printable(value)?;
            if matches!(state.auto_escape(), AutoEscape::None) || value.is_safe() {
                return python::write_str(out, value).map_err(|_| ErrorKind::WriteFailure.into());
            }
            let escaped = jinja::escape(&python::print_str(value));
            out.write_str(&escaped)
                .map_err(|_| ErrorKind::WriteFailure.into())
        });
        environment.set_path_join_callback(|name, parent| join_name(name, parent).into());
        environment.set_loader(move |name| {
            let Some(path) = find_path(name) else {
                return Ok(None);
            };
            let text = read_included(&path).filter(|text| !is_too_large(text));
            text.map(|text| {
                let text = source::normalize(&text);
                check_bulk(&path, &text)?;
                Ok(source::translate(&text).text.into_owned())
            })
            .transpose()
        });
        minijinja_contrib::add_to_environment(&mut environment);
        jinja::add_to_environment(&mut environment);
        add_filters(&mut environment, settings, known);
        let is_hidden = settings.variables().find(STAMP).is_some();
        let variables = settings.variables().iter();
        let variables = variables.map(|(name, value)| (name, to_template_value(value)));
        Self {
            environment,
            variables: Value::from_pairs(variables),
            stamps: (!is_hidden).then(|| Arc::new(settings.stamps.clone())),
            read,
        }
    }

    /// Grants a template so many steps.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn with_steps(mut self, steps: u64) -> Self {
        self.environment.set_fuel(Some(steps));
        self
    }

    /// Renders one template; a thread with less than [`STACK_BYTES`] may not survive it.
    pub fn render(&self, template: &Template<'_>) -> Result<Rendered, Box<RenderError>> {
        if is_too_large(template.text) {
            return Err(RenderError {
                fault: RenderFault::TooLarge,
                place: Place::file(template.path),
                excerpt: None,
                hints: Vec::new(),
            }
            .into());
        }
        let normal = source::normalize(template.text);
        let name = name_of(template.path);
        let diagnosis = Diagnosis {
            template: *template,
            names: Names {
                variables: &self.variables,
                stamps: self.stamps.as_deref(),
                environment: &self.environment,
            },
            read: &*self.read,
        };
        check_bulk(template.path, &normal).map_err(|inside| diagnosis.explain_bulk(&inside))?;
        let text = source::translate(&normal).text;
        let run = |view| {
            let run = self.run((&name, &text), view);
            run.map_err(|error| Box::new(diagnosis.explain(&error)))
        };
        let values = run(View::Values)?;
        let counted = if self.differ(&values.stamps) {
            Some(run(View::Counted)?)
        } else {
            None
        };
        // What stands where a value is another one counts neither with its stamps nor with its images.
        let used = &counted.as_ref().unwrap_or(&values).stamps;
        let stamps = self.stamps.as_deref();
        let stamps = stamps.map(|stamps| stamps.counted(used.iter().map(String::as_str)));
        let (dockerfile, record) = (values.text, values.record);
        let used = used_images(template, &record);
        let counted = counted.map(|counted| Counted {
            used_images: used_images(template, &counted.record),
            dockerfile: counted.text,
        });
        let is_other =
            |counted: &Counted| counted.dockerfile != dockerfile || counted.used_images != used;
        Ok(Rendered {
            counted: counted.filter(is_other),
            stamps: stamps.unwrap_or_default(),
            used_images: used,
            warnings: warnings(template, record),
            dockerfile,
        })
    }

    /// Tells whether any of the stamps that a template used counts as something else than it is.
    fn differ(&self, used: &BTreeSet<String>) -> bool {
        self.stamps.as_deref().is_some_and(|stamps| {
            used.iter()
                .any(|key| !is_stable(key) && stamps.find(key) != stamps.find_counted(key))
        })
    }

    fn run(&self, (name, text): (&str, &str), view: View) -> Result<Written, minijinja::Error> {
        let seen = self.stamps.as_ref();
        let seen = seen.map(|stamps| Arc::new(SeenStamps::new(stamps, view)));
        let known = Value::from_object(Known {
            settings: self.variables.clone(),
            stamps: seen.clone().map(Value::from_dyn_object),
        });
        let mut out = Bounded::default();
        let captured = self
            .environment
            .template_from_named_str(name, text)
            .and_then(|compiled| compiled.render_captured_to(known, &mut out))?;
        let record = captured.state().get_extension::<Record>().cloned();
        Ok(Written {
            record: record.unwrap_or_default(),
            stamps: seen.map_or_else(BTreeSet::new, |seen| seen.used()),
            // The engine writes whole texts.
            text: String::from_utf8_lossy(&out.bytes).into_owned(),
        })
    }
}

/// What a template wrote, and what it asked for.
struct Written {
    text: String,
    record: Record,
    stamps: BTreeSet<String>,
}

fn used_images(template: &Template<'_>, record: &Record) -> BTreeSet<UsedImage> {
    let used = record.images.iter().map(|(name, (kind, label))| UsedImage {
        name: name.clone(),
        kind: *kind,
        label: label.clone(),
        place: place_of(template, name, "image_tag"),
    });
    used.collect()
}

fn warnings(template: &Template<'_>, record: Record) -> Vec<RenderWarning> {
    let users = record.unknown_users.into_iter();
    users
        .map(|user| RenderWarning::UnknownUser {
            place: place_of(template, &user, "uid"),
            user: shorten(&user).into_owned(),
        })
        .collect()
}

/// Finds the line that holds a name in quotes and a filter, else the only line that holds the filter.
fn place_of(template: &Template<'_>, name: &str, filter: &str) -> Place {
    let lines = || {
        (1..)
            .zip(template.text.lines())
            .filter(|(_, line)| line.contains(filter))
    };
    let has_name = |line: &str| {
        line.match_indices(name).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + name.len()..].chars().next();
            matches!(
                (before, after),
                (Some('"'), Some('"')) | (Some('\''), Some('\''))
            )
        })
    };
    let line = match lines().find(|(_, line)| has_name(line)) {
        Some((number, _)) => Some(number),
        None => lines()
            .next()
            .filter(|_| lines().count() == 1)
            .map(|(number, _)| number),
    };
    match line {
        Some(line) => Place::line(template.path, line),
        None => Place::file(template.path),
    }
}

fn is_too_large(text: &str) -> bool {
    text.len() > LARGEST || text.bytes().filter(|&b| b == b'\n' || b == b'\r').count() > MOST_LINES
}

fn check_bulk(path: &Path, text: &str) -> Result<(), BulkInside> {
    match source::find_bulk(text) {
        Some((bulk, range)) => Err(BulkInside {
            path: path.to_owned(),
            bulk,
            range,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::hints::FILTERS;
    use crate::settings::{Layer, parse_settings};

    const SETTINGS: &str = "registry: r.example.org\nbase_images: [r.example.org/bookworm:latest]\n\
        known_uid_mappings: {root: 0, a: 12, u: 100}\nday: 2026-01-02\nlarge: 99999999999999999999\n\
        values: {a: [1, 'x', null, yes, 1.5, 1.0e+20], \"it's\": \"q\\\"\"}\n";

    fn renderer() -> Renderer {
        let layer = Layer {
            path: Path::new("config.yaml"),
            text: SETTINGS,
        };
        let settings = parse_settings(&[layer]).unwrap().settings;
        let label = settings
            .naming
            .label("nodejs20-slim", "20.1-2-20260101")
            .unwrap();
        let catalog = [("nodejs20-slim".to_owned(), label)];
        let known = KnownImages::new(&settings.naming, &settings.base_images, catalog);
        Renderer::new(&settings, Arc::new(known), |path| match path.to_str()? {
            "img/part" => Some("[{{ registry }}]\n".to_owned()),
            "img/sub/deep" => Some("{% include 'part' %}".to_owned()),
            "img/wrong" => Some("one\n{{ missing }}\n".to_owned()),
            "img/macros" => Some("{% macro m(a) %}<{{ a }}>{% endmacro %}".to_owned()),
            "img/again" => Some("{% include 'again' %}".to_owned()),
            _ => None,
        })
    }

    fn render(text: &str) -> Result<Rendered, Box<RenderError>> {
        let path = Path::new("img/Dockerfile.template");
        renderer().render(&Template { path, text })
    }

    #[track_caller]
    fn case(text: &str, expected: &str) {
        assert_eq!(render(text).unwrap().dockerfile, expected, "{text}");
    }

    // The results of the filters were written by docker-pkg 4.0.4.

    #[test]
    fn the_filters_of_docker_pkg_render_as_there() {
        case(
            "FROM {{ 'bookworm' | image_tag }}",
            "FROM r.example.org/bookworm:latest",
        );
        case(
            "{{ 'nodejs20-slim' | image_tag }}",
            "r.example.org/nodejs20-slim:20.1-2-20260101",
        );
        case(
            "{{ 'nodejs20-slim' | image_tag | upstream_version }}",
            "20.1",
        );
        case(
            "{{ 'a' | uid }} {{ 'nobody' | uid }} {{ 5 | uid }}",
            "12 nobody 5",
        );
        case(
            "{{ 'u' | add_user }}",
            "groupadd -o -g 100 -r u && useradd -l -o -r -m -d /var/lib/u -g u -u 100 u",
        );
        case(
            "RUN {{ 'a\r\nb' | apt_install }}\nUSER x\n",
            "RUN apt-get update  \\\n    && DEBIAN_FRONTEND=noninteractive \\\n    apt-get install  --yes a b \
             --no-install-recommends \\\n    && apt-get clean && rm -rf /var/lib/apt/lists/* \nUSER x",
        );
        case(
            "{{ 'b c' | apt_remove }}",
            "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get remove --yes --purge b c \\\n    && apt-get clean \
             && rm -rf /var/lib/apt/lists/* ",
        );
    }

    #[test]
    fn a_text_is_quoted_for_a_label() {
        case(
            "LABEL a={{ 'x \"y\" $z' | docker_quote }} b={{ 5 | docker_quote }}",
            r#"LABEL a="x \"y\" \$z" b="5""#,
        );
        refused(
            "LABEL a={{ 'x\\ny' | docker_quote }}",
            "img/Dockerfile.template:1:21: `docker_quote` needs a text of one line: no quote keeps what follows a line break in a Dockerfile ()",
        );
    }

    #[test]
    fn settings_print_as_python_prints_them() {
        case(
            "{{ http_proxy }} {{ large }} {{ day }} {{ [day] }}",
            "None 99999999999999999999 2026-01-02 [datetime.date(2026, 1, 2)]",
        );
        case(
            "{{ values }}",
            "{'a': [1, 'x', None, True, 1.5, 1e+20], \"it's\": 'q\"'}",
        );
        case(
            "{{ values.a[4] }} {{ verify_args }}",
            "1.5 ['-c', '{path}/test.sh {image}']",
        );
    }

    #[test]
    fn set_blocks_and_line_breaks_are_jinjas() {
        case(
            "{% set packages|replace('\\n', ' ') -%}\n  a\n b\n{%- endset -%}[{{ packages }}]",
            "[a  b]",
        );
        case("a\n\n", "a\n");
        case("{% set p = 'a \\\n  b' %}{{ p }}", "a   b");
        case("{{ '<' }}{% raw %}{{ x }}{% endraw %}", "<{{ x }}");
    }

    #[test]
    fn files_are_included_from_the_directory_of_the_image() {
        case(
            "{% include 'part' %}{% include './part' %}",
            "[r.example.org][r.example.org]",
        );
        case("{% include 'sub/deep' %}", "[r.example.org]");
        case("{% from 'macros' import m %}{{ m(1) }}", "<1>");
    }

    #[test]
    fn lists_and_mappings_can_be_changed() {
        case(
            "{% set x = [] %}{% for i in [1, 2] %}{% do x.append(i) %}{% endfor %}{{ x }}{{ x + [3] }}{{ x|length }}",
            "[1, 2][1, 2, 3]2",
        );
        case(
            "{% set d = {} %}{% do d.update({'a': 1}) %}{% do d.update(b=2) %}{{ d }}{{ d.pop('a') }}{{ d.b }}",
            "{'a': 1, 'b': 2}12",
        );
        case(
            "{% set x = [3, 1] %}{% do x.sort() %}{{ x.pop() }}{{ x }}",
            "3[1]",
        );
    }

    #[test]
    fn what_a_template_asked_for_is_told_with_its_line() {
        let text = "FROM {{ 'bookworm' | image_tag }}\n{% set n = 'nodejs20-slim' %}\nCOPY --from={{ n | image_tag }}\n\
                    USER {{ \"ann\" | uid }}\n";
        let rendered = render(text).unwrap();
        let used: Vec<(&str, ImageKind, String)> = rendered
            .used_images
            .iter()
            .map(|used| (used.name.as_str(), used.kind, used.place.to_string()))
            .collect();
        assert_eq!(
            used,
            [
                (
                    "bookworm",
                    ImageKind::Base,
                    "img/Dockerfile.template:1".to_owned()
                ),
                (
                    "nodejs20-slim",
                    ImageKind::Catalog,
                    "img/Dockerfile.template".to_owned()
                ),
            ]
        );
        let warnings: Vec<String> = rendered
            .warnings
            .iter()
            .map(|warning| format!("{}: {warning}", warning.place()))
            .collect();
        assert_eq!(
            warnings,
            [
                "img/Dockerfile.template:4: the user `ann` has no number in `known_uid_mappings`, so its name is used"
            ]
        );
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = render(text).expect_err(text);
        // The further ones list names.
        let hint = error.hints.first().map_or("", String::as_str);
        assert_eq!(format!("{}: {error} ({hint})", error.place), expected);
    }

    #[test]
    fn errors_have_place_and_hint() {
        refused(
            "FROM x\nRUN {{ regisry }}",
            "img/Dockerfile.template:2:8: `regisry` has no value (the closest name is `registry`)",
        );
        refused(
            "{{ 'nodejs20' | image_tag }}",
            "img/Dockerfile.template:1:17: there is no image `nodejs20`, neither in the catalog nor among `base_images` \
             (the closest name is `nodejs20-slim`)",
        );
        refused(
            "{{ 'a' | aptinstall }}",
            "img/Dockerfile.template:1:10: there is no filter `aptinstall` (the closest name is `apt_install`)",
        );
        refused(
            "{{ 'q' | add_user }}",
            "img/Dockerfile.template:1:10: the user `q` has no number in `known_uid_mappings` (add `q: NUMBER` to \
             `known_uid_mappings` of the settings)",
        );
        refused(
            "\n{% if x %}",
            "img/Dockerfile.template:2:4: the `if` that begins here has no `endif` ()",
        );
        refused(
            "{% for x in [1] %}\n{% if x %}\n{% endif %}\n",
            "img/Dockerfile.template:1:4: the `for` that begins here has no `endfor` ()",
        );
        refused(
            "{% include '../part' %}",
            "img/Dockerfile.template:1:4: there is no file `../part` in the directory of the image ()",
        );
        refused(
            "{% include 'wrong' %}",
            "img/wrong:2:4: `missing` has no value (set it in the settings, or write `{% set missing = … %}` before)",
        );
        refused(
            "{{ 5 | apt_install }}",
            "img/Dockerfile.template:1:8: `apt_install` needs a text, and this is 5 ()",
        );
    }

    #[test]
    fn what_a_message_says_of_a_value_is_short() {
        for template in [
            "{{ long|image_tag }}",
            "{{ long|add_user }}",
            "{{ long|upstream_version }}",
            "{{ [long]|image_tag }}",
            "{{ ('y z'*500000)|image_tag }}",
            "{{ '{:z}'.format(long) }}",
            "{{ ('{'~long~'}').format(1) }}",
            "{{ ('%'~long) % 1 }}",
            "{{ long|attr(long) }}",
            "{{ {}[long] }}{{ {}[long].x }}",
            "{% include long %}",
            &format!("{{{{ {} }}}}", "y".repeat(50_000)),
            &format!("{{{{ x.{} }}}}", "y".repeat(50_000)),
            &format!("{{{{ 1|{} }}}}", "y".repeat(50_000)),
            &format!("{{{{ 1 is {} }}}}", "y".repeat(50_000)),
            &format!("{{{{ ''.{}() }}}}", "y".repeat(50_000)),
            &format!("{{% {} %}}", "y".repeat(50_000)),
        ] {
            let error = render(&format!("{{% set long = 'y' * 1000000 %}}{template}"));
            let error = error.expect_err("it is wrong");
            let shown = format!("{error} {}", error.hints.join(" "));
            let start: String = template.chars().take(40).collect();
            assert!(
                shown.chars().count() < 1000,
                "{start}: {} characters",
                shown.len()
            );
        }
        let rendered = render("{% set long = 'y' * 1000000 %}{{ long|uid }}").unwrap();
        assert!(rendered.warnings[0].to_string().len() < 200);
    }

    #[test]
    fn the_line_of_an_error_is_the_one_that_the_user_wrote() {
        let error = render("a\n{{ 'x\\\ny' }}\n{{ nope }}").expect_err("`nope` has no value");
        let excerpt = error.excerpt.expect("a line");
        assert_eq!(excerpt.line, "{{ nope }}");
        assert_eq!(excerpt.marked, Some(3..7));
    }

    #[test]
    fn threads_share_a_renderer() {
        let renderer = renderer();
        let path = Path::new("img/Dockerfile.template");
        let text = "{% set x = [] %}{% do x.append('a' | uid) %}{{ x }}";
        let render = || {
            renderer
                .render(&Template { path, text })
                .unwrap()
                .dockerfile
        };
        std::thread::scope(|scope| {
            for thread in [scope.spawn(render), scope.spawn(render)] {
                assert_eq!(thread.join().unwrap(), "['12']");
            }
        });
    }

    #[test]
    fn filters_that_hints_name_exist() {
        for filter in FILTERS {
            if let Err(error) = render(&format!("{{{{ 'a' | {filter} }}}}")) {
                let fault = &error.fault;
                assert!(!matches!(fault, RenderFault::UnknownFilter(_)), "{filter}");
            }
        }
    }

    #[test]
    fn what_runs_or_grows_without_end_is_stopped() {
        for text in [
            "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
            "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
            "{% include 'again' %}",
            "{% for a in range(9999) %}{{ 'xxxxxxxxxx' * 1000 }}{% endfor %}",
            "{% set x = [] %}{% do x.append(x) %}",
            &"\n".repeat(MOST_LINES + 1),
            &"{{ (".repeat(10_000),
        ] {
            render(text).expect_err("it is bounded");
        }
    }
}
