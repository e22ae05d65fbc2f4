use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;

use flate2::Compression;
use flate2::write::GzEncoder;
use foci_kernels::Serial;

use super::*;

/// A file of the test's own, gone after it.
struct Written {
    path: PathBuf,
    gzip: bool,
}

impl Written {
    fn new(bytes: &[u8]) -> Self {
        static FILES: AtomicU32 = AtomicU32::new(0);
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("foci-log-{}-{number}.csv", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Self { path, gzip: false }
    }

    /// An archive with a member for each of the texts.
    fn packed(members: &[&[u8]]) -> Self {
        Self::archive(&members.iter().flat_map(|text| pack(text)).collect::<Vec<_>>())
    }

    fn archive(bytes: &[u8]) -> Self {
        let mut file = Self::new(bytes);
        file.gzip = true;
        file
    }

    fn read(&self, part: u64, value: Option<usize>) -> Option<Rows> {
        let columns = 3 + usize::from(value.is_some());
        let layout =
            Layout { path: &self.path, gzip: self.gzip, delimiter: b',', columns, ids: vec![0, 1], time: 2, value };
        read_parts(&Threads, &layout, part)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn pack(text: &[u8]) -> Vec<u8> {
    let mut archive = GzEncoder::new(vec![], Compression::fast());
    archive.write_all(text).unwrap();
    archive.finish().unwrap()
}

/// A thread for each block.
struct Threads;

#[allow(unsafe_code)]
// SAFETY: a range gives each number once, and the scope ends after all threads.
unsafe impl Parallel for Threads {
    fn run(&self, blocks: usize, body: &(dyn Fn(usize) + Sync)) {
        std::thread::scope(|scope| (0..blocks).for_each(|block| drop(scope.spawn(move || body(block)))));
    }
}

/// User, item, time and value of each row, with ids by their numbers, and the ids.
type Found = (Vec<(i32, i32, u64, u32)>, Vec<Vec<String>>);

fn found(rows: &Rows) -> Found {
    let row = |block: &Block, i: usize| {
        let value = block.values.as_ref().map_or(0, |values| values[i].to_bits());
        (block.ids[0][i], block.ids[1][i], block.times[i].to_bits(), value)
    };
    let texts = |numbers: &Numbers| {
        let mut bytes = vec![vec![]; numbers.len()];
        bytes.iter_mut().enumerate().for_each(|(number, bytes)| numbers.write(number, bytes));
        bytes.into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
    };
    let all = rows.blocks.iter().flat_map(|block| (0..block.times.len()).map(move |i| row(block, i)));
    (all.collect(), rows.ids.iter().map(texts).collect())
}

/// The same from one line after the other.
fn naive(text: &str) -> Found {
    let mut ids = vec![vec![], vec![]];
    let mut number = |column: usize, id: &str| {
        let known = ids[column].iter().position(|each| each == id);
        known.unwrap_or_else(|| {
            ids[column].push(id.to_owned());
            ids[column].len() - 1
        }) as i32
    };
    let rows = text.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        let value = fields.get(3).map_or(0, |value| value.parse().unwrap_or(f32::NAN).to_bits());
        (number(0, fields[0]), number(1, fields[1]), fields[2].parse::<f64>().unwrap().to_bits(), value)
    });
    (rows.collect(), ids)
}

fn invented(rows: u32) -> String {
    let lines = (0..rows).map(|i| {
        let bits = i.wrapping_mul(0x9e37_79b1) >> 5;
        let item = ["ü", "x", "a name of more than twelve bytes", "b "][bits as usize % 4];
        format!("user-{},{item}{},{},{}\n", bits % 97, bits % 13, bits, ["", "0.25", "3"][bits as usize % 3])
    });
    format!("user,item,timestamp,value\n{}", lines.collect::<String>())
}

#[test]
#[cfg_attr(miri, ignore = "Miri has no files")]
fn rows_are_those_of_the_lines_in_parts_of_any_size_and_on_any_threads() {
    let (text, few) = (invented(400), invented(8));
    for text in [&text[..], text.trim_end_matches('\n'), &few, "user,item,timestamp,value\na,b,1,2"] {
        let (head, tail) = text.as_bytes().split_at(text.len() / 3);
        let files =
            [Written::new(text.as_bytes()), Written::packed(&[head, tail]), Written::packed(&[head, b"", tail, b""])];
        let (expected, size) = (naive(text), text.len() as u64);
        // A thread for each part: some hundreds at most.
        for part in [(size / 300).max(1), 30, 1000, size - 1, size, 1 << 20] {
            for file in &files {
                assert_eq!(found(&file.read(part, Some(3)).unwrap()), expected, "{part} bytes");
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri has no files")]
fn more_rows_than_are_numbered_together() {
    let text = invented(2 * BATCH as u32 + 1);
    let layout =
        |path| Layout { path, gzip: false, delimiter: b',', columns: 4, ids: vec![0, 1], time: 2, value: Some(3) };
    let file = Written::new(text.as_bytes());
    assert_eq!(found(&read(&Serial, &layout(&file.path)).unwrap()), naive(&text));
}

#[test]
#[cfg_attr(miri, ignore = "Miri has no files")]
fn what_is_not_plain_is_left_to_others() {
    let sound = "user,item,timestamp\na,b,1\n";
    assert!(Written::new(sound.as_bytes()).read(8, None).is_some());
    let ends = [
        "\"a\",b,1\n",
        "a,b,1\r\n",
        "a,b,1\r",
        "\n",
        "a,b\n",
        "a,b,1,2\n",
        "a,,1\n",
        ",b,1\n",
        " a,b,1\n",
        "a, ,1\n",
        "a,b,\n",
        "a,b,x\n",
        "a,b,-1\n",
        "a,b,+1\n",
        "a,b,1e3\n",
        "a,b,01\n",
        "a,b,.5\n",
        "a,b,5.\n",
        "a,b,1.2.3\n",
        "a,b, 1\n",
        "a,b,1234567890123456\n",
        "a\0,b,1\n",
        "a,b,2024-01-01\n",
        "a,b,inf\n",
    ];
    for end in ends {
        for part in [8, 1 << 20] {
            assert!(Written::new(format!("{sound}{end}").as_bytes()).read(part, None).is_none(), "{end:?}");
            let packed = Written::packed(&[sound.as_bytes(), end.as_bytes()]);
            assert!(packed.read(part, None).is_none(), "{end:?} in an archive");
        }
    }
    assert!(Written::new(&[sound.as_bytes(), b"\xff,b,1\n"].concat()).read(64, None).is_none());
    assert!(Written::new(b"user,item,timestamp\n").read(64, None).is_none());
    assert!(Written::new(b"").read(64, None).is_none());
    assert!(
        Written::new(format!("{sound}{},b,1\n", "a".repeat(2 * LINE as usize)).as_bytes()).read(64, None).is_none()
    );
    let path = Path::new("no such file");
    let layout = Layout { path, gzip: false, delimiter: b',', columns: 3, ids: vec![0, 1], time: 2, value: None };
    assert!(read(&Serial, &layout).is_none());
}

#[test]
#[cfg_attr(miri, ignore = "Miri has no files")]
fn a_damaged_archive_is_left_to_others() {
    let archive = pack(invented(100).as_bytes());
    let read = |bytes: &[u8]| Written::archive(bytes).read(512, Some(3));
    assert!(read(&archive).is_some());
    assert!((0..archive.len()).all(|end| read(&archive[..end]).is_none()));
    let changed = |at: usize| archive.iter().enumerate().map(|(i, byte)| byte ^ u8::from(i == at)).collect::<Vec<_>>();
    let data_and_checksum = 10..archive.len();
    assert!(data_and_checksum.into_iter().all(|at| read(&changed(at)).is_none()));
    assert!(read(&[&archive[..], b"and more"].concat()).is_none());
    assert!(read(invented(100).as_bytes()).is_none());
}

#[test]
fn limits_are_those_of_the_times() {
    let limits = |times: &[f64]| Block { times: times.to_vec(), ..Block::default() }.limits();
    assert_eq!(limits(&[5.0, 3.0, 2147483647.0]), Limits { least: 3.0, most: 2147483647.0, whole: true });
    assert!(!limits(&[5.0, 0.5]).whole && !limits(&[2147483648.0]).whole);
    assert_eq!(limits(&[]), Limits { least: f64::INFINITY, most: f64::NEG_INFINITY, whole: true });
}

#[test]
fn numbers_are_rounded_once() {
    for text in ["0", "7", "0.1", "123456789.012345", "999999999999999", "0.00000000000001", "1700000000.25", "0.30"] {
        assert_eq!(simple(text.as_bytes()).map(f64::to_bits), text.parse::<f64>().ok().map(f64::to_bits), "{text}");
    }
}
