//! JSON lines that are plain: an object each, with a text or a number for each field. What is not plain is left to a reader that
//! tells what is wrong with it.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::csv::{Block, Marks};
use crate::records::LIMIT;
use crate::rows::{CHUNK, Found, ID, ROWS, ids_of, is_blank};
use crate::times::{Time, number, time};
use crate::{Numbers, Text};

/// A file, and the keys of its fields: user, item, scene and event; the time; the value.
pub struct Layout<'a> {
    pub path: &'a Path,
    pub gzip: bool,
    pub ids: [&'a str; 4],
    pub time: &'a str,
    pub value: &'a str,
}

/// More keys are an error that another reader tells.
const KEYS: usize = 10_000;

/// Integers beyond it are none that every double holds.
const EXACT: u64 = (1 << 53) - 1;

/// The rows of a file, with the numbers of user, item, scene and event, −1 for none of the last two; none where it is not plain
/// throughout, cannot be read, or takes more than `most` bytes.
pub fn read(layout: &Layout<'_>, most: u64) -> Option<Found> {
    let file = BufReader::with_capacity(CHUNK as usize, File::open(layout.path).ok()?);
    if layout.gzip { read_from(MultiGzDecoder::new(file), layout, most) } else { read_from(file, layout, most) }
}

fn read_from(mut file: impl Read, layout: &Layout<'_>, most: u64) -> Option<Found> {
    let ids = layout.ids.iter().map(|_| Numbers::default()).collect();
    let mut found = Found { ids, ..Found::default() };
    let (mut text, mut begun, mut held) = (vec![], false, 0);
    loop {
        let more = file.by_ref().take(CHUNK).read_to_end(&mut text).ok()?;
        if !begun && text.starts_with(b"\xef\xbb\xbf") {
            text.drain(..3);
        }
        begun = true;
        if more == 0 && text.last().is_some_and(|&byte| byte != b'\n') {
            text.push(b'\n');
        }
        let mut at = 0;
        while let Some(length) = text[at..].iter().position(|&byte| byte == b'\n') {
            add(
                layout,
                text[at..at + length].strip_suffix(b"\r").unwrap_or(&text[at..at + length]),
                &mut found,
                &mut held,
            )?;
            at += length + 1;
        }
        text.drain(..at);
        if held > most || text.len() > LIMIT {
            return None;
        }
        if more == 0 {
            return (!found.blocks.is_empty()).then_some(found);
        }
    }
}

/// Adds the row of a line; none where it is not plain.
fn add(layout: &Layout<'_>, line: &[u8], found: &mut Found, held: &mut u64) -> Option<()> {
    if line.len() > LIMIT || line.contains(&b'\r') {
        return None;
    }
    let mut json = serde_json::Deserializer::from_slice(line);
    let fields = Fields(layout).deserialize(&mut json).ok()?;
    json.end().ok()?;
    if found.blocks.last().is_none_or(|block| block.times.len() == ROWS) {
        *held += (ROWS * (4 * 4 + 8 + 4 + 2)) as u64;
        found.blocks.push(Block {
            ids: ids_of(4),
            times: Vec::with_capacity(ROWS),
            values: Some(Vec::with_capacity(ROWS)),
            marks: Marks { faults: vec![], dated: Vec::with_capacity(ROWS), rests: vec![] },
        });
    }
    let block = found.blocks.last_mut()?;
    for (i, (id, (numbers, codes))) in fields.ids.iter().zip(found.ids.iter_mut().zip(&mut block.ids)).enumerate() {
        let known = numbers.len();
        let code = id_of(id, numbers)?;
        if code < 0 && i < 2 {
            return None;
        }
        codes.push(code);
        if numbers.len() > known {
            *held += numbers.text(known).len() as u64 + ID;
        }
    }
    let (seconds, dated) = match &fields.time {
        Value::Whole(whole) if whole.unsigned_abs() <= EXACT => (*whole as f64, false),
        Value::Real(real) => (*real, false),
        Value::Text(text) => match time(text.as_bytes()) {
            Time::Number(number, 0) if number.is_finite() => (number, false),
            Time::Date(seconds) => (seconds, true),
            _ => return None,
        },
        _ => return None,
    };
    block.times.push(seconds);
    block.marks.dated.push(dated.into());
    let value = match &fields.value {
        Value::Null => f64::NAN,
        Value::Whole(whole) if whole.unsigned_abs() <= EXACT => *whole as f64,
        Value::Real(real) => *real,
        Value::Text(text) if is_blank(text.as_bytes()) => f64::NAN,
        Value::Text(text) => number(text.as_bytes()).filter(|value| value.is_finite())?,
        _ => return None,
    };
    block.values.as_mut()?.push(value as f32);
    Some(())
}

/// The number of an id, −1 where there is none.
fn id_of(id: &Value<'_>, numbers: &mut Numbers) -> Option<i32> {
    match id {
        Value::Null => Some(-1),
        Value::Text(text) if is_blank(text.as_bytes()) => Some(-1),
        Value::Text(text) => Some(numbers.number_of(&Text::new(text.as_bytes()))),
        Value::Whole(whole) => Some(numbers.number_of(&Text::new(whole.to_string().as_bytes()))),
        _ => None,
    }
}

/// What a field holds.
#[derive(Default)]
enum Value<'a> {
    #[default]
    Null,
    Text(Cow<'a, str>),
    Whole(i64),
    Real(f64),
    Other,
}

/// What a line holds of the fields; of a key that comes twice the last.
#[derive(Default)]
struct Line<'a> {
    ids: [Value<'a>; 4],
    time: Value<'a>,
    value: Value<'a>,
}

struct Fields<'l, 'a>(&'l Layout<'a>);

impl<'de> DeserializeSeed<'de> for Fields<'_, '_> {
    type Value = Line<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Line<'de>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_, '_> {
    type Value = Line<'de>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Line<'de>, M::Error> {
        let Layout { ids, time, value, .. } = self.0;
        let (mut line, mut keys) = (Line::default(), 0);
        while let Some(Value::Text(key)) = map.next_key_seed(Any)? {
            keys += 1;
            let places = line.ids.iter_mut().zip(ids).chain([(&mut line.time, time), (&mut line.value, value)]);
            match places.into_iter().find(|(_, name)| **name == key) {
                Some((place, _)) => *place = map.next_value_seed(Any)?,
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        if keys > KEYS { Err(M::Error::custom("too many keys")) } else { Ok(line) }
    }
}

/// A text, a number or nothing; of what else there is only that it is.
struct Any;

impl<'de> DeserializeSeed<'de> for Any {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value<'de>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = Value<'de>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("anything")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_i64<E>(self, whole: i64) -> Result<Value<'de>, E> {
        Ok(Value::Whole(whole))
    }

    fn visit_u64<E>(self, whole: u64) -> Result<Value<'de>, E> {
        Ok(whole.try_into().map_or(Value::Other, Value::Whole))
    }

    fn visit_f64<E>(self, real: f64) -> Result<Value<'de>, E> {
        Ok(Value::Real(real))
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Value<'de>, S::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Value<'de>, M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn found(text: &str) -> Option<Found> {
        let ids = ["user", "item", "scene", "event"];
        let layout = Layout { path: Path::new(""), gzip: false, ids, time: "timestamp", value: "value" };
        read_from(Cursor::new(text), &layout, u64::MAX)
    }

    #[test]
    fn plain_lines_are_rows() {
        let all = found(concat!(
            "\u{feff}{\"user\":\"u\",\"item\":7,\"timestamp\":5,\"more\":[{\"user\":1}],\"value\":0.5}\r\n",
            "{ \"value\": null, \"timestamp\": \"2024-05-01\", \"us\\u0065r\": \"\\u00e9\", \"item\": \"7\", \"event\": \"buy\" }"
        ));
        let all = all.unwrap();
        let [block] = &all.blocks[..] else { panic!("one block") };
        assert_eq!(block.ids, [[0, 1], [0, 0], [-1, -1], [-1, 0]]);
        assert_eq!((&block.times[..], &block.marks.dated[..]), (&[5., 1_714_521_600.][..], &[0, 1][..]));
        let values = block.values.as_ref().unwrap();
        assert!(values[0] == 0.5 && values[1].is_nan());
        assert_eq!(all.ids[0].text(1).len(), 2);
    }

    #[test]
    fn what_is_not_plain_is_none() {
        let plain = "{\"user\":\"u\",\"item\":\"x\",\"timestamp\":5}\n";
        assert!(found(plain).is_some());
        for odd in [
            "",
            "\n",
            "[]",
            "{}",
            "{\"user\":\"u\"}",
            "{\"user\":1.0,\"item\":1,\"timestamp\":1}",
            "{\"user\":\" \",\"item\":1,\"timestamp\":1}",
            "{\"user\":true,\"item\":1,\"timestamp\":1}",
            "{\"user\":[1],\"item\":1,\"timestamp\":1}",
            "{\"user\":1,\"item\":1,\"timestamp\":\"soon\"}",
            "{\"user\":1,\"item\":1,\"timestamp\":9007199254740993}",
            "{\"user\":1,\"item\":1,\"timestamp\":1e999}",
            "{\"user\":1,\"item\":1,\"timestamp\":1,\"value\":\"x\"}",
            "{\"user\":1,\"item\":1,\"timestamp\":1} {}",
            "{\"user\":\"\\ud800\",\"item\":1,\"timestamp\":1}",
            "{\"user\":1,\r\"item\":1,\"timestamp\":1}",
        ] {
            assert!(found(&format!("{plain}{odd}\n{plain}")).is_none(), "{odd}");
        }
    }
}
