//! Dates of the settings: they print as Python prints them, and have their attributes and methods.

use std::fmt;
use std::sync::Arc;

use chrono::{Datelike, FixedOffset, NaiveDate, NaiveDateTime, Timelike};
use minijinja::value::{DynObject, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::arguments::{Arguments, refuse};
use crate::settings::Timestamp;

/// A date of the settings.
#[derive(Debug)]
pub(in crate::render) struct Date(Timestamp);

impl Object for Date {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let date = self.time().date();
        match (key.as_str()?, self.0) {
            ("year", _) => Some(Value::from(date.year())),
            ("month", _) => Some(Value::from(date.month())),
            ("day", _) => Some(Value::from(date.day())),
            ("hour", Timestamp::Time(time, _)) => Some(Value::from(time.hour())),
            ("minute", Timestamp::Time(time, _)) => Some(Value::from(time.minute())),
            ("second", Timestamp::Time(time, _)) => Some(Value::from(time.second())),
            ("microsecond", Timestamp::Time(..)) => Some(Value::from(self.microsecond())),
            _ => None,
        }
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let mut arguments = Arguments::of_method(args)?;
        let date = self.time().date();
        let value = match method {
            "strftime" => {
                let format: String = arguments.need("format")?;
                Value::from(self.print_format(&format)?)
            }
            "isoformat" => Value::from(self.0.to_string().replacen(' ', "T", 1)),
            "weekday" => Value::from(date.weekday().num_days_from_monday()),
            "isoweekday" => Value::from(date.weekday().number_from_monday()),
            "toordinal" => Value::from(date.num_days_from_ce()),
            "ctime" => Value::from(self.print_format("%c")?),
            "replace" => self.replace(&mut arguments)?,
            "date" if matches!(self.0, Timestamp::Time(..)) => {
                Value::from_object(Self(Timestamp::Date(date)))
            }
            "timestamp" => match self.0 {
                Timestamp::Time(time, Some(offset)) => {
                    let time = time - offset;
                    let microseconds = time.and_utc().timestamp_micros();
                    #[expect(clippy::cast_precision_loss, reason = "Python loses the same digits")]
                    Value::from(microseconds as f64 / 1e6)
                }
                Timestamp::Time(_, None) => {
                    return Err(refuse(
                        "without an offset from UTC, the timestamp depends on the machine",
                    ));
                }
                Timestamp::Date(_) => return Err(ErrorKind::UnknownMethod.into()),
            },
            _ => return Err(ErrorKind::UnknownMethod.into()),
        };
        arguments.finish()?;
        Ok(value)
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<std::cmp::Ordering> {
        let other = other.downcast_ref::<Self>()?;
        match (self.0, other.0) {
            (Timestamp::Date(one), Timestamp::Date(other)) => Some(one.cmp(&other)),
            (Timestamp::Time(one, None), Timestamp::Time(other, None)) => Some(one.cmp(&other)),
            (Timestamp::Time(one, Some(offset)), Timestamp::Time(other, Some(others))) => {
                Some((one - offset).cmp(&(other - others)))
            }
            _ => None,
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Date {
    pub(in crate::render) fn new(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }

    /// Gives the moment; that of a date is its first.
    fn time(&self) -> NaiveDateTime {
        match self.0 {
            Timestamp::Date(date) => date.into(),
            Timestamp::Time(time, _) => time,
        }
    }

    fn microsecond(&self) -> u32 {
        self.time().and_utc().timestamp_subsec_micros()
    }

    fn print_microsecond(&self) -> String {
        format!("{:06}", self.microsecond())
    }

    fn replace(&self, arguments: &mut Arguments) -> Result<Value, Error> {
        let time = self.time();
        let year: Option<i32> = arguments.next("year")?;
        let month: Option<u32> = arguments.next("month")?;
        let day: Option<u32> = arguments.next("day")?;
        let date = NaiveDate::from_ymd_opt(
            year.unwrap_or(time.year()),
            month.unwrap_or(time.month()),
            day.unwrap_or(time.day()),
        );
        let date = date.ok_or_else(|| refuse("there is no such day"))?;
        Ok(Value::from_object(Self(match self.0 {
            Timestamp::Date(_) => Timestamp::Date(date),
            Timestamp::Time(time, offset) => Timestamp::Time(date.and_time(time.time()), offset),
        })))
    }

    /// Formats as `strftime` does in the language `C`.
    pub(super) fn print_format(&self, format: &str) -> Result<String, Error> {
        let time = self.time();
        let offset = match self.0 {
            Timestamp::Time(_, offset) => offset,
            Timestamp::Date(_) => None,
        };
        let mut out = String::new();
        let mut rest = format;
        while let Some((before, directive)) = rest.split_once('%') {
            out.push_str(before);
            let kind = directive.chars().next();
            let kind = kind.ok_or_else(|| refuse("a `%` ends the format of a date"))?;
            rest = &directive[kind.len_utf8()..];
            match (kind, offset) {
                ('f', _) => out.push_str(&self.print_microsecond()),
                ('c', _) => out.push_str(&time.format("%a %b %e %H:%M:%S %Y").to_string()),
                ('x', _) => out.push_str(&time.format("%m/%d/%y").to_string()),
                ('X', _) => out.push_str(&time.format("%H:%M:%S").to_string()),
                ('r', _) => out.push_str(&time.format("%I:%M:%S %p").to_string()),
                ('z' | 'Z', None) => {}
                ('z', Some(offset)) => out.push_str(&offset.to_string().replace(':', "")),
                ('Z', Some(offset)) if offset.local_minus_utc() == 0 => out.push_str("UTC"),
                ('Z', Some(offset)) => {
                    out.push_str("UTC");
                    out.push_str(&offset.to_string());
                }
                (kind, _) if "aAbBCdDeFgGhHIjklmMnpPRStTuUVwWyY%".contains(kind) => {
                    out.push_str(&time.format(&format!("%{kind}")).to_string());
                }
                _ => return Err(refuse(format!("`%{kind}` is no part of a date"))),
            }
        }
        Ok(out + rest)
    }

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
        let microseconds = self.microsecond();
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
