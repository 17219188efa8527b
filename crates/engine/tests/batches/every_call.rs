//! Every call of every operation fails once, with every error number, or transfers less than it was asked for.
//!
//! A call that is optional, or that can be repeated or replaced, leaves the result as it is. Any other failure is reported with its
//! operation and offset. No run that succeeds leaves a wrong byte, and the next run after a failure leaves none.

mod trouble;

use std::num::NonZero;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use blockcopy_blockio::Memory;
use blockcopy_engine::{
    Algorithm, Blocks, ChangedBlock, Comparison, Digests, Direct, Engine, EngineOptions, Error,
    Extent, Kind, Pair, Sink, Slab, Source, ZeroBlocks,
};

use trouble::{Call, assert_told, is_harmless, troubles};

use crate::frames::{Made, lend};
use crate::sides::room;
use crate::support::{
    AS_IS, PAGE, apply_options, assert_same, content, digests, memory, update_options, wait,
};

const BLOCK: usize = 4 * PAGE;
const BLOCK_LEN: u32 = BLOCK as u32;

/// Number of pages in which one byte is written, each as a range of its own.
const PACED: usize = 2100;

/// With a part of a block, and of a sector, at the end.
const FILE: usize = 6 * BLOCK + 777;
const DEVICE: usize = 6 * BLOCK;

/// Operates with one thread of each kind, so that the calls of a run are always in the same order.
static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    let one = NonZero::new(1);
    let options = EngineOptions {
        threads: one,
        queue_depth: one,
        ..EngineOptions::default()
    };
    Engine::new(options).expect("threads")
});

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Scan,
    Diff,
    Apply(ZeroBlocks),
    Update(ZeroBlocks),
    /// Writes, syncs, and reads everything back.
    Verify,
    /// Writes 2100 ranges through the page cache: writeback begins, and is waited for, before the sync.
    Paced,
}

const WORKS: [Work; 7] = [
    Work::Scan,
    Work::Diff,
    Work::Apply(ZeroBlocks::Write),
    Work::Apply(ZeroBlocks::MakeHoles),
    Work::Update(ZeroBlocks::Write),
    Work::Update(ZeroBlocks::MakeHoles),
    Work::Verify,
];

/// The state of both sides before a run.
#[derive(Clone, Copy, Debug)]
struct Setting {
    work: Work,
    kind: Kind,
    granularity: Option<usize>,
    /// The pages of the source are cached, and the destination was just written through the page cache.
    cached: bool,
}

/// Both sides.
struct Both {
    source: Memory,
    target: Memory,
}

impl Setting {
    /// The source: data, a hole, and zeros that are stored.
    fn source(self) -> Vec<u8> {
        if self.work == Work::Paced {
            return vec![1; PACED * PAGE];
        }
        let len = match self.kind {
            Kind::File => FILE,
            Kind::Device => DEVICE,
        };
        let mut source = content(len, 1);
        source[2 * BLOCK..4 * BLOCK].fill(0);
        source
    }

    /// The destination differs in three blocks, two of them zeros in the source, and if it is a file, it is shorter.
    fn target(self) -> Vec<u8> {
        let mut target = self.source();
        if self.work == Work::Paced {
            target.iter_mut().step_by(PAGE).for_each(|byte| *byte = 2);
            return target;
        }
        target[BLOCK + 100] ^= 1;
        target[2 * BLOCK..4 * BLOCK].fill(9);
        if self.kind == Kind::File {
            target.truncate(5 * BLOCK + 99);
        }
        target
    }

    fn both(self) -> Both {
        let source = memory(self.kind, &self.source(), self.granularity);
        let source = match self.kind {
            Kind::File if self.work != Work::Paced => {
                source.with_hole((2 * BLOCK) as u64..(3 * BLOCK) as u64)
            }
            _ => source,
        };
        let target = memory(self.kind, &self.target(), self.granularity);
        if self.cached {
            let all = 0..(3 * BLOCK) as u64;
            let (source, target) = (source.with_cached(all.clone()), target.with_cached(all));
            return Both { source, target };
        }
        Both { source, target }
    }

    /// Runs the operation, from opening to the sync. Returns what it found out.
    fn run(self, both: &Both) -> Result<Vec<u8>, Error> {
        let len = self.source().len();
        let open =
            |memory: &Memory| Ok::<_, Error>(Arc::new(Source::in_memory(memory, Direct::Auto)?));
        match self.work {
            Work::Scan => scan(&open(&both.source)?, len),
            Work::Diff => {
                let source = open(&both.source)?;
                let slab = Slab::new(1, 8 * BLOCK).unwrap();
                let extents: Vec<_> = Extent::blocks(0, len as u64, BLOCK_LEN).collect();
                let algorithm = Algorithm::Blake3;
                let target = self.target();
                let theirs = extents.iter().map(|extent| {
                    let start = (extent.position as usize).min(target.len());
                    &target[start..(start + extent.length as usize).min(target.len())]
                });
                let bytes = digests(algorithm, theirs);
                let theirs = Comparison::Digests(Digests { algorithm, bytes });
                let slot = slab.take(0).unwrap();
                let diff = wait(|done| ENGINE.diff(&source, slot, &extents, theirs, AS_IS, done))?;
                let slot = slab.take(0).expect("the slot is free again");
                let payload = |block: &ChangedBlock| {
                    let mut bytes = block.position.to_le_bytes().to_vec();
                    bytes.extend(&slot[block.offset..block.offset + block.length]);
                    bytes
                };
                Ok(diff.changed.iter().flat_map(payload).collect())
            }
            Work::Apply(zeros) => {
                let sink = Arc::new(Sink::in_memory(&both.target, Direct::Auto)?);
                apply_and_sync(&sink, &self.frames(), zeros)?;
                Ok(Vec::new())
            }
            Work::Update(zeros) => {
                let sink = Arc::new(Sink::in_memory(&both.target, Direct::Auto)?);
                let pair = Pair {
                    source: open(&both.source)?,
                    destination: open(&both.target)?,
                    sink: Arc::clone(&sink),
                };
                let options = update_options(0, len as u64, BLOCK_LEN, zeros);
                wait(|done| ENGINE.update(&pair, room(len, 0xAA), options, done))?;
                sync(&sink)?;
                Ok(Vec::new())
            }
            Work::Paced => {
                let sink = Arc::new(Sink::in_memory(&both.target, Direct::Auto)?);
                apply_and_sync(&sink, &self.frames(), ZeroBlocks::Write)?;
                Ok(Vec::new())
            }
            Work::Verify => {
                let sink = Arc::new(Sink::in_memory(&both.target, Direct::Auto)?);
                apply_and_sync(&sink, &self.frames(), ZeroBlocks::MakeHoles)?;
                scan(&Arc::new(sink.reader(Direct::Auto)?), len)
            }
        }
    }

    /// The blocks that differ. The first of them begins within a page.
    fn frames(self) -> Vec<Made> {
        let source = self.source();
        let ranges = match self.work {
            Work::Paced => (0..PACED)
                .map(|page| page * PAGE..page * PAGE + 1)
                .collect(),
            _ => vec![
                BLOCK + 100..2 * BLOCK,
                2 * BLOCK..3 * BLOCK,
                3 * BLOCK..4 * BLOCK,
                5 * BLOCK..source.len(),
            ],
        };
        let made = |range: Range<usize>| Made::raw(range.start, source[range].to_vec());
        ranges.into_iter().map(made).collect()
    }

    /// Returns the calls to disturb, by their indices: all of them, or of a long run the first, the middle and the last of each kind.
    fn chosen(self, calls: &[Call]) -> Vec<usize> {
        let all: Vec<usize> = (0..calls.len()).collect();
        if self.work != Work::Paced {
            return all;
        }
        let mut chosen = Vec::new();
        for index in all {
            let kind = calls[index].0;
            let same: Vec<usize> = (0..calls.len()).filter(|&at| calls[at].0 == kind).collect();
            if [same[0], same[same.len() / 2], same[same.len() - 1]].contains(&index) {
                chosen.push(index);
            }
        }
        chosen
    }

    /// True if the operation writes to the destination.
    fn writes(self) -> bool {
        !matches!(self.work, Work::Scan | Work::Diff)
    }
}

fn scan(source: &Arc<Source>, len: usize) -> Result<Vec<u8>, Error> {
    let slot = Slab::new(1, 8 * BLOCK).unwrap().take(0).unwrap();
    let blocks = Blocks {
        length: len as u64,
        block_len: BLOCK_LEN,
        algorithm: Algorithm::Blake3,
    };
    wait(|done| ENGINE.scan(source, slot, 0, blocks, done))
}

fn apply_and_sync(sink: &Arc<Sink>, made: &[Made], zeros: ZeroBlocks) -> Result<(), Error> {
    let (_slab, slot, frames) = lend(made);
    let applied = wait(|done| ENGINE.apply(sink, slot, frames, apply_options(zeros), done));
    if applied.as_ref().is_err_and(|error| error.code() == "sync") {
        assert!(
            sync(sink).is_err(),
            "what the disk has refused is forgotten"
        );
    }
    applied?;
    sync(sink)
}

/// Syncs. A failed sync fails again: the kernel reports a failure only once.
fn sync(sink: &Arc<Sink>) -> Result<(), Error> {
    let synced = wait(|done| ENGINE.sync(sink, done));
    if synced.as_ref().is_err_and(|error| error.code() == "sync") {
        let again = wait(|done| ENGINE.sync(sink, done));
        assert!(again.is_err(), "a sync succeeds after one that failed");
    }
    synced
}

/// Says which run failed.
struct ShownOnPanic(String);

impl Drop for ShownOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0);
        }
    }
}

/// Result of a run without faults, and the content of the destination after it.
struct Faultless {
    found: Vec<u8>,
    content: Vec<u8>,
}

impl Setting {
    fn assert_result(self, found: &[u8], both: &Both, faultless: &Faultless) {
        assert!(found == faultless.found, "another result");
        assert_same(&both.target.content(), &faultless.content, "what is read");
        assert_same(
            &both.target.durable(),
            &faultless.content,
            "what is durable",
        );
        let source = self.source();
        assert_same(&both.source.content(), &source, "the source");
    }

    /// Makes one call of one side go wrong in each way, in a run of its own; returns the number of runs.
    fn disturb(
        self,
        side: fn(&Both) -> &Memory,
        index: usize,
        call: &Call,
        faultless: &Faultless,
    ) -> usize {
        let troubles = troubles(call.0);
        let end = side(&self.both()).content().len() as u64;
        for &trouble in &troubles {
            let both = self.both();
            side(&both).disturb(index, trouble);
            let _shown = ShownOnPanic(format!("{self:?}: call {index}, {call:?}, {trouble:?}"));
            let harmless = is_harmless(call, end, trouble);
            match self.run(&both) {
                Ok(found) => {
                    assert!(harmless, "success in spite of a failure");
                    self.assert_result(&found, &both, faultless);
                }
                Err(error) => {
                    assert!(!harmless, "{error}");
                    assert_told(&error, call, trouble);
                    both.source.heal();
                    both.target.heal();
                    let found = self.run(&both).expect("the next run");
                    self.assert_result(&found, &both, faultless);
                }
            }
        }
        troubles.len()
    }

    /// Disturbs each call of a run; returns the number of runs.
    fn disturb_all(self) -> usize {
        let both = self.both();
        let found = self.run(&both).expect("a run without a fault");
        let content = if self.writes() {
            self.source()
        } else {
            self.target()
        };
        let faultless = Faultless { found, content };
        self.assert_result(&faultless.found, &both, &faultless);
        let sides: [fn(&Both) -> &Memory; 2] = [|both| &both.source, |both| &both.target];
        let mut runs = 0;
        for side in sides {
            let calls = side(&both).calls();
            for index in self.chosen(&calls) {
                runs += self.disturb(side, index, &calls[index], &faultless);
            }
        }
        runs
    }
}

#[test]
fn each_call_of_each_operation_fails_in_each_way() {
    let mut runs = 0;
    for work in WORKS {
        for kind in [Kind::File, Kind::Device] {
            let media = [None, Some(512), Some(PAGE)].map(|granularity| (granularity, false));
            for (granularity, cached) in media.into_iter().chain([(Some(512), true)]) {
                let setting = Setting {
                    work,
                    kind,
                    granularity,
                    cached,
                };
                let here = setting.disturb_all();
                assert!(here > 0, "{setting:?}");
                runs += here;
            }
        }
    }
    println!("{runs} runs, each with one call that went wrong");
}

#[test]
fn each_kind_of_call_of_a_paced_write_fails_in_each_way() {
    let setting = Setting {
        work: Work::Paced,
        kind: Kind::File,
        granularity: None,
        cached: false,
    };
    println!("{} runs of a paced write", setting.disturb_all());
}
