//! What `crates/log` does with a log's rows. It holds no tensors, so a panic here leaves the engine as it is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use foci_engine::{Pool, keep_panics, message_of};
use foci_log::{Numbers, Text, csv, json, lists, rows, sort};
use napi::bindgen_prelude::{
    AsyncTask, Float32Array, Float64Array, Int16Array, Int32Array, Int32ArraySlice, Uint8Array, Uint8ArraySlice,
    Uint32Array,
};
use napi_derive::napi;

/// Runs what fails by a panic alone.
fn guarded<T>(body: impl FnOnce() -> T) -> napi::Result<T> {
    keep_panics();
    catch_unwind(AssertUnwindSafe(body)).map_err(|panic| napi::Error::from_reason(message_of(panic.as_ref())))
}

/// Numbers texts by first appearance.
#[napi]
#[derive(Default)]
pub struct TextNumbers {
    numbers: Numbers,
}

#[napi]
impl TextNumbers {
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts the numbers of texts into `codes`, −1 where there is a fault. The texts are as DuckDB lays them out, and it still
    /// holds them.
    #[napi(js_name = "number")]
    pub fn number(&mut self, words: &[i32], faults: &[u8], mut codes: Int32ArraySlice) -> napi::Result<()> {
        guarded(|| {
            // SAFETY: JavaScript waits for the call, and `src/read` gives the codes memory of their own.
            let codes = unsafe { codes.as_mut() };
            let texts: Vec<_> =
                words.as_chunks().0.iter().zip(faults).map(|(words, &fault)| text(*words, fault)).collect();
            self.numbers.number(&texts, &mut codes[..texts.len()]);
        })
    }

    #[napi(js_name = "count")]
    pub fn count(&self) -> u32 {
        self.numbers.len() as u32
    }

    /// Texts `start .. end`.
    #[napi(js_name = "texts")]
    pub fn texts(&self, start: u32, end: u32) -> napi::Result<Texts> {
        guarded(|| {
            let (mut bytes, mut ends) = (vec![], vec![]);
            for number in start..end {
                self.numbers.write(number as usize, &mut bytes);
                ends.push(bytes.len() as u32);
            }
            match String::from_utf8(bytes) {
                Ok(text) if text.is_ascii() => Texts { text, ends: ends.into() },
                found => texts_of(&found.map_or_else(|odd| odd.into_bytes(), String::into_bytes), &ends),
            }
        })
    }
}

/// Texts one after the other, and where each ends in JavaScript's measure.
#[napi(object)]
pub struct Texts {
    pub text: String,
    pub ends: Uint32Array,
}

/// Texts of any letters, from where each ends in bytes.
fn texts_of(bytes: &[u8], ends: &[u32]) -> Texts {
    let (mut text, mut start, mut length) = (String::new(), 0, 0);
    let ends: Vec<u32> = ends
        .iter()
        .map(|&end| {
            let each = String::from_utf8_lossy(&bytes[start..end as usize]);
            start = end as usize;
            length += each.encode_utf16().count() as u32;
            text.push_str(&each);
            length
        })
        .collect();
    Texts { text, ends: ends.into() }
}

impl From<Texts> for lists::Texts {
    fn from(Texts { text, ends }: Texts) -> Self {
        Self::new(text, &ends)
    }
}

fn text<'a>(words: [i32; 4], fault: u8) -> Text<'a> {
    if fault != 0 {
        return Text::default();
    }
    let words = words.map(|word| word as u32);
    Text::of_words(words, || {
        let address = u64::from(words[2]) | u64::from(words[3]) << 32;
        // SAFETY: DuckDB's vector says that the text lies there, and the caller keeps the vector while we read it.
        unsafe { std::slice::from_raw_parts(address as usize as *const u8, words[0] as usize) }
    })
}

/// Rows in the order of the source. What they are sorted into is another memory, and so is each column.
#[napi(object, object_to_js = false)]
pub struct SortBlock {
    pub user: Int32Array,
    /// Rows with another number than 0 are left out.
    pub faults: Uint8Array,
    pub times: Float64Array,
    /// What breaks ties of times.
    pub rests: Option<Int16Array>,
    /// Columns that go along.
    pub others: Vec<Int32Array>,
}

/// Sorts rows on a thread of its own, with the pool's help.
pub struct SortRows {
    blocks: Vec<SortBlock>,
    offsets: Int32Array,
    times: Float64Array,
    others: Vec<Int32Array>,
}

impl napi::Task for SortRows {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> napi::Result<()> {
        guarded(|| {
            let blocks = self.blocks.iter_mut().map(|block| sort::Block {
                user: ints(&mut block.user),
                faults: &block.faults,
                times: doubles(&mut block.times),
                // SAFETY: as for `ints`.
                rests: block.rests.as_mut().map(|rests| unsafe { rests.as_mut() }),
                others: block.others.iter_mut().map(ints).collect(),
            });
            let (offsets, times) = (ints(&mut self.offsets), doubles(&mut self.times));
            let others = self.others.iter_mut().map(ints).collect();
            sort::sort(&Pool, blocks.collect(), sort::Log { offsets, times, others });
        })
    }

    fn resolve(&mut self, _: napi::Env, (): ()) -> napi::Result<()> {
        Ok(())
    }
}

/// Sorts rows by user and time; equal times keep their order. The blocks hold nothing of use afterwards.
#[napi(js_name = "sortRows", ts_return_type = "Promise<void>")]
pub fn sort_rows(
    blocks: Vec<SortBlock>,
    offsets: Int32Array,
    times: Float64Array,
    others: Vec<Int32Array>,
) -> AsyncTask<SortRows> {
    AsyncTask::new(SortRows { blocks, offsets, times, others })
}

fn ints(array: &mut Int32Array) -> &mut [i32] {
    // SAFETY: `src/read` gives each array memory of its own, and leaves it alone until the promise is kept.
    unsafe { array.as_mut() }
}

fn doubles(array: &mut Float64Array) -> &mut [f64] {
    // SAFETY: as above.
    unsafe { array.as_mut() }
}

/// A CSV file whose first line names the columns, and which of them are read.
#[napi(object, object_to_js = false)]
pub struct CsvLayout {
    pub path: String,
    pub gzip: bool,
    pub delimiter: u32,
    pub columns: u32,
    pub ids: Vec<u32>,
    pub time: u32,
    pub value: Option<u32>,
}

#[napi(object)]
pub struct FileBlock {
    /// Numbers of ids, a column each.
    pub ids: Vec<Int32Array>,
    pub times: Float64Array,
    pub values: Option<Float32Array>,
    /// Where all rows are sound.
    pub limits: Option<FileLimits>,
    /// Where they need not be.
    pub marks: Option<FileMarks>,
}

#[napi(object)]
pub struct FileMarks {
    pub faults: Uint8Array,
    pub dated: Uint8Array,
    pub rests: Option<Int16Array>,
}

impl From<csv::Block> for FileBlock {
    fn from(block: csv::Block) -> Self {
        let marked = !block.marks.dated.is_empty();
        let limits = (!marked).then(|| block.limits());
        let csv::Marks { mut faults, dated, mut rests } = block.marks;
        faults.resize(dated.len(), 0);
        rests.truncate(block.times.len());
        let rests = (!rests.is_empty()).then(|| rests.into());
        Self {
            ids: block.ids.into_iter().map(Int32Array::from).collect(),
            times: block.times.into(),
            values: block.values.map(Float32Array::from),
            limits: limits.map(|csv::Limits { least, most, whole }| FileLimits { least, most, whole }),
            marks: marked.then(|| FileMarks { faults: faults.into(), dated: dated.into(), rests }),
        }
    }
}

/// The first of a file that is broken and no blank line.
#[napi(object)]
pub struct FileBroken {
    /// Where it is counted.
    pub reason: u32,
    pub line: f64,
    /// How many fields it has, and whether the last is empty, where that is what is wrong.
    pub fields: u32,
    pub open: bool,
}

/// What times lie between, and whether all are whole numbers of 32 bits.
#[napi(object)]
pub struct FileLimits {
    pub least: f64,
    pub most: f64,
    pub whole: bool,
}

/// A file's rows and ids; each is given once.
#[napi]
pub struct FileRows {
    blocks: std::vec::IntoIter<csv::Block>,
    ids: std::vec::IntoIter<Numbers>,
    broken: [u32; 6],
    first: Option<rows::First>,
}

#[napi]
impl FileRows {
    #[napi(js_name = "nextBlock")]
    pub fn next_block(&mut self) -> Option<FileBlock> {
        self.blocks.next().map(FileBlock::from)
    }

    #[napi(js_name = "nextIds")]
    pub fn next_ids(&mut self) -> Option<TextNumbers> {
        self.ids.next().map(|numbers| TextNumbers { numbers })
    }

    /// What is no row: blank lines, invalid UTF-8, too long, text behind a quote, unclosed quotes, wrong numbers of fields.
    #[napi(js_name = "broken")]
    pub fn broken(&self) -> Vec<u32> {
        self.broken.to_vec()
    }

    #[napi(js_name = "firstBroken")]
    pub fn first_broken(&self) -> Option<FileBroken> {
        let rows::First { reason, line, fields, open } = self.first?;
        Some(FileBroken { reason, line: line as f64, fields, open })
    }
}

impl From<rows::Found> for FileRows {
    fn from(rows::Found { blocks, ids, broken, first }: rows::Found) -> Self {
        Self { blocks: blocks.into_iter(), ids: ids.into_iter(), broken, first }
    }
}

/// Reads a file on a thread of its own.
pub struct ReadCsv {
    layout: CsvLayout,
    /// Bytes that rows may take, where they need not be plain.
    most: Option<f64>,
}

impl napi::Task for ReadCsv {
    type Output = Option<rows::Found>;
    type JsValue = Option<FileRows>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let CsvLayout { path, gzip, delimiter, columns, ids, time, value } = &self.layout;
        let layout = csv::Layout {
            path: Path::new(path),
            gzip: *gzip,
            delimiter: *delimiter as u8,
            columns: *columns as usize,
            ids: ids.iter().map(|&id| id as usize).collect(),
            time: *time as usize,
            value: value.map(|value| value as usize),
        };
        guarded(|| match self.most {
            Some(most) => rows::read(&layout, most as u64),
            None => csv::read(&Pool, &layout).map(|csv::Rows { blocks, ids }| rows::Found {
                blocks,
                ids,
                ..rows::Found::default()
            }),
        })
    }

    fn resolve(&mut self, _: napi::Env, found: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(found.map(FileRows::from))
    }
}

/// The rows of a plain CSV file, or null, with the pool's help: no quotes, no control characters, no faults in rows.
#[napi(js_name = "readCsv", ts_return_type = "Promise<FileRows | null>")]
pub fn read_csv(layout: CsvLayout) -> AsyncTask<ReadCsv> {
    AsyncTask::new(ReadCsv { layout, most: None })
}

/// The rows of any CSV file, those with a fault too, or null where it cannot be read or they take more than so many bytes.
#[napi(js_name = "readRecords", ts_return_type = "Promise<FileRows | null>")]
pub fn read_records(layout: CsvLayout, most: f64) -> AsyncTask<ReadCsv> {
    AsyncTask::new(ReadCsv { layout, most: Some(most) })
}

/// A file of JSON lines, and the keys of its fields.
#[napi(object, object_to_js = false)]
pub struct JsonLayout {
    pub path: String,
    pub gzip: bool,
    /// Of user, item, scene and event.
    pub ids: Vec<String>,
    pub time: String,
    pub value: String,
}

/// Reads a file on a thread of its own.
pub struct ReadJson {
    layout: JsonLayout,
    most: f64,
}

impl napi::Task for ReadJson {
    type Output = Option<rows::Found>;
    type JsValue = Option<FileRows>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let JsonLayout { path, gzip, ids, time, value } = &self.layout;
        let Ok(ids) = ids.iter().map(String::as_str).collect::<Vec<_>>().try_into() else { return Ok(None) };
        let layout = json::Layout { path: Path::new(path), gzip: *gzip, ids, time, value };
        guarded(|| json::read(&layout, self.most as u64))
    }

    fn resolve(&mut self, _: napi::Env, found: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(found.map(FileRows::from))
    }
}

/// The rows of JSON lines, or null where a line is no object with texts and numbers in its fields, or they take more than so many
/// bytes.
#[napi(js_name = "readJson", ts_return_type = "Promise<FileRows | null>")]
pub fn read_json(layout: JsonLayout, most: f64) -> AsyncTask<ReadJson> {
    AsyncTask::new(ReadJson { layout, most })
}

/// Writes ranked lists as lines of text.
#[napi]
pub struct ListLines(lists::Lists);

/// What was written of some lists; of more bytes than there was room for nothing was.
#[napi(object)]
pub struct Lines {
    pub bytes: u32,
    pub rows: u32,
}

#[napi]
impl ListLines {
    /// What stands before an item, by place; before a score, by item; and before and behind an interest.
    #[napi(constructor)]
    pub fn new(ranks: Texts, items: Texts, interest: Texts) -> Self {
        Self(lists::Lists { ranks: ranks.into(), items: items.into(), interest: interest.into() })
    }

    /// Writes the rows of some users, k places each, whose texts stand at the beginning of a row; null where a score is written
    /// with an exponent, or is no number. Bytes of `to` behind the rows are written over too.
    #[napi(js_name = "lines")]
    pub fn lines(
        &self,
        users: Texts,
        items: &[i32],
        scores: &[f32],
        interests: &[i32],
        mut to: Uint8ArraySlice,
    ) -> napi::Result<Option<Lines>> {
        let ranked = lists::Ranked { items, scores, interests };
        // SAFETY: JavaScript waits for the call, and `src/cli/batch` gives the rows memory of their own.
        let to = unsafe { to.as_mut() };
        let count = |bytes: usize| u32::try_from(bytes).expect("lists of a call are fewer than 4 GiB");
        guarded(|| match self.0.write(&users.into(), &ranked, to) {
            lists::Written::All { bytes, rows } => Some(Lines { bytes: count(bytes), rows }),
            lists::Written::Wants(bytes) => Some(Lines { bytes: count(bytes), rows: 0 }),
            lists::Written::Odd => None,
        })
    }
}
