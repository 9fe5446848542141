//! The settings as values of templates; dates print as Python prints them.

use std::fmt;
use std::sync::Arc;

use chrono::{Datelike, FixedOffset, Timelike};
use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};

use crate::settings::{self, Timestamp};

/// Gives a value of the settings to templates.
pub(super) fn to_template_value(value: &settings::Value) -> Value {
    match value {
        settings::Value::None => Value::from(()),
        settings::Value::Boolean(value) => Value::from(*value),
        settings::Value::Integer(value) => match i64::try_from(*value) {
            Ok(value) => Value::from(value),
            Err(_) => Value::from(*value),
        },
        settings::Value::Float(value) => Value::from(*value),
        settings::Value::Text(text) => Value::from(text.as_str()),
        settings::Value::Timestamp(timestamp) => Value::from_object(Date(*timestamp)),
        settings::Value::List(items) => items.iter().map(to_template_value).collect(),
        settings::Value::Mapping(pairs) => {
            let pairs = pairs.iter();
            Value::from_pairs(
                pairs.map(|(key, value)| (to_template_value(key), to_template_value(value))),
            )
        }
    }
}

/// A date of the settings.
#[derive(Debug)]
pub(super) struct Date(Timestamp);

impl Object for Date {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Date {
    /// Gives the date as `repr()` prints it.
    pub(super) fn print_repr(&self) -> String {
        let (time, offset) = match self.0 {
            Timestamp::Date(date) => {
                let (year, month, day) = (date.year(), date.month(), date.day());
                return format!("datetime.date({year}, {month}, {day})");
            }
            Timestamp::Time(time, offset) => (time, offset),
        };
        let (year, month, day) = (time.year(), time.month(), time.day());
        let mut text = format!(
            "datetime.datetime({year}, {month}, {day}, {}, {}",
            time.hour(),
            time.minute()
        );
        let microseconds = time.and_utc().timestamp_subsec_micros();
        let mut parts = Vec::new();
        if time.second() > 0 || microseconds > 0 {
            parts.push(time.second().to_string());
        }
        if microseconds > 0 {
            parts.push(microseconds.to_string());
        }
        parts.extend(offset.map(print_zone));
        for part in parts {
            text.push_str(", ");
            text.push_str(&part);
        }
        text + ")"
    }
}

fn print_zone(offset: FixedOffset) -> String {
    let seconds = offset.local_minus_utc();
    let delta = match (seconds.div_euclid(86_400), seconds.rem_euclid(86_400)) {
        (0, 0) => return "tzinfo=datetime.timezone.utc".to_owned(),
        (0, seconds) => format!("seconds={seconds}"),
        (days, seconds) => format!("days={days}, seconds={seconds}"),
    };
    format!("tzinfo=datetime.timezone(datetime.timedelta({delta}))")
}
