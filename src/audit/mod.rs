//! What is wrong or doubtful in a catalog: a table of rules, and what each one finds.
//!
//! ```text
//! nginx
//!   warning: `apt-get install` without `--no-install-recommends` [apt-recommends]
//!     --> images/nginx/Dockerfile.template:7
//! ```
//!
//! A rule looks at one [`Subject`] at a time, an image directory with all that could be read of it, and at the others through
//! [`Ground`]. It has few and true findings, and where it cannot look it says so: "could not check" is not "fine". Each rule
//! has a page below `docs/rules/` with a bad and a good example, which a test lays out and audits.

mod allow;
mod apt;
mod changelog;
mod control;
mod dependencies;
mod finding;
mod fix;
mod formats;
mod images;
mod life;
mod origin;
mod policy;
mod rule;
mod run;
mod secrets;
mod shell;
mod subject;
mod table;
mod tokens;
mod users;

pub use allow::find_allowed;
pub use finding::{Audit, Finding, Unchecked};
pub use fix::{Fix, apply};
pub use formats::{render_json, render_junit, render_sarif};
pub use origin::{Origin, place_in_template};
pub use policy::Policy;
pub use rule::{Rule, find_rule, near_rules, rules};
pub use run::audit;
pub use secrets::{Baked, find_baked, names_secret};
pub use subject::{Fault, Ground, History, Published, Recipe, Subject, Use, UseKind};
