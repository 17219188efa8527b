//! The stack of a process that begins: the number of arguments, the arguments, the environment and the auxiliary vector, getauxval(3).
use crate::layout::Layout;

/// Variables that must not change the program, each with a space after it: src/native/node-start.ts has the list.
const VARIABLES: &[u8] = env!("BLOCKCOPY_VARIABLES").as_bytes();

/// The prefix of a variable that is put aside.
const ASIDE: &[u8] = env!("BLOCKCOPY_ASIDE").as_bytes();

/// The first argument of a process that this program has started: its environment is prepared already.
const PREPARED: &[u8] = env!("BLOCKCOPY_PREPARED").as_bytes();

const THREADS: &[u8] = concat!("UV_THREADPOOL_SIZE=", env!("BLOCKCOPY_THREADS")).as_bytes();
const IGNORED: &[u8] = b"BLOCKCOPY_IGNORED=";
const CLOSED: &[u8] = b"BLOCKCOPY_CLOSED=";
const FILES: &[u8] = b"BLOCKCOPY_FILES=";
const DESCRIPTORS: &[u8] = b"/proc/self/fd/";

/// Most digits of a number.
pub(crate) const DIGITS: usize = 20;

/// Most bytes that [`write_path`] writes: seven digits, more than descriptors have.
pub(crate) const PATH_LENGTH: usize = DESCRIPTORS.len() + 8;

/// Number of variables that are added to the environment, and an upper bound for their text in bytes.
const ADDED: usize = 4;
const ADDED_BYTES: usize = 256;

const ALIGNMENT: usize = 16;

const AT_NULL: usize = 0;
const AT_PHDR: usize = 3;
const AT_PHNUM: usize = 5;
const AT_BASE: usize = 7;
const AT_ENTRY: usize = 9;

/// Descriptors of the libraries and the engine.
pub(crate) struct FileNumbers(pub(crate) [usize; 3]);

/// Facts that the program gets in its environment.
pub(crate) struct Start {
    /// The signals that are ignored.
    pub(crate) ignored: u64,
    /// Standard input is closed, and standard output.
    pub(crate) closed: [bool; 2],
    pub(crate) files: FileNumbers,
}

/// The stack as the kernel has left it.
pub(crate) struct Given {
    arguments: *const *const u8,
    arguments_count: usize,
    environment: *const *const u8,
    vector: *const usize,
    /// The words of all of it.
    words: usize,
    /// True if the first argument is [`PREPARED`].
    prepared: bool,
}

impl Given {
    /// Finds the parts of a stack.
    pub(crate) unsafe fn read(stack: *const usize) -> Self {
        // SAFETY: the kernel ends each part with a zero, and each string too.
        unsafe {
            let arguments_count = *stack;
            let arguments = stack.add(1).cast::<*const u8>();
            let environment = arguments.add(arguments_count + 1);
            let mut end = environment;
            while !(*end).is_null() {
                end = end.add(1);
            }
            let vector = end.add(1).cast::<usize>();
            let mut last = vector;
            while *last != AT_NULL {
                last = last.add(2);
            }
            let prepared = arguments_count > 1
                && starts_with(*arguments.add(1), PREPARED)
                && *(*arguments.add(1)).add(PREPARED.len()) == 0;
            Self {
                arguments,
                arguments_count,
                environment,
                vector,
                words: last.add(2).offset_from_unsigned(stack),
                prepared,
            }
        }
    }

    /// Returns the bytes that [`Self::write`] needs: more than enough, and a multiple of the alignment of the stack.
    pub(crate) fn room(&self) -> usize {
        let mut bytes = (self.words + ADDED) * size_of::<usize>() + ADDED_BYTES;
        let mut at = self.environment;
        // SAFETY: as in `read`.
        unsafe {
            while !(*at).is_null() {
                if is_variable(*at) {
                    bytes += ASIDE.len() + length(*at) + 1;
                }
                at = at.add(1);
            }
        }
        bytes.next_multiple_of(ALIGNMENT)
    }

    /// Writes the stack of the program. There must be room for [`Self::room`] bytes.
    pub(crate) unsafe fn write(&self, to: *mut usize, start: &Start, layout: &Layout) {
        let texts = (self.words + ADDED) * size_of::<usize>();
        // SAFETY: writes no more words and texts than `room` has counted.
        unsafe {
            let mut words = Words { at: to };
            let mut texts = Texts {
                at: to.cast::<u8>().add(texts),
            };
            self.write_arguments(&mut words);
            self.write_environment(&mut words, &mut texts, start);
            self.write_vector(&mut words, layout);
        }
    }

    unsafe fn write_arguments(&self, words: &mut Words) {
        let dropped = usize::from(self.prepared);
        // SAFETY: as in `write`.
        unsafe {
            words.put(self.arguments_count - dropped);
            let mut index = 0;
            while index < self.arguments_count {
                if index != dropped || index == 0 {
                    words.put((*self.arguments.add(index)).addr());
                }
                index += 1;
            }
            words.put(0);
        }
    }

    unsafe fn write_environment(&self, words: &mut Words, texts: &mut Texts, start: &Start) {
        // SAFETY: as in `write`.
        unsafe {
            let mut at = self.environment;
            while !(*at).is_null() {
                if self.prepared {
                    if !self.is_replaced(*at) {
                        words.put((*at).addr());
                    }
                } else if is_variable(*at) {
                    words.put(texts.begin());
                    texts.put(ASIDE);
                    texts.put_string(*at);
                } else if !self.is_replaced(*at) {
                    words.put((*at).addr());
                }
                at = at.add(1);
            }
            words.put(texts.begin());
            texts.put(THREADS);
            texts.end();
            words.put(texts.begin());
            texts.put(FILES);
            texts.put_numbers(&start.files.0);
            if !self.prepared {
                words.put(texts.begin());
                texts.put(IGNORED);
                texts.put_hexadecimal(start.ignored);
                words.put(texts.begin());
                texts.put(CLOSED);
                let [input, output] = start.closed;
                texts.put(if input { b"0" } else { b"" });
                texts.put(if output { b"1" } else { b"" });
                texts.end();
            }
            words.put(0);
        }
    }

    /// True for a variable that is set anew, and for one that another program has put aside.
    unsafe fn is_replaced(&self, variable: *const u8) -> bool {
        // SAFETY: a string.
        unsafe {
            let always =
                starts_with(variable, b"UV_THREADPOOL_SIZE=") || starts_with(variable, FILES);
            always
                || (!self.prepared
                    && (starts_with(variable, IGNORED)
                        || starts_with(variable, CLOSED)
                        || starts_with(variable, ASIDE)))
        }
    }

    /// Writes the auxiliary vector as if the kernel had loaded Node with its dynamic linker.
    unsafe fn write_vector(&self, words: &mut Words, layout: &Layout) {
        // SAFETY: as in `write`.
        unsafe {
            let mut at = self.vector;
            loop {
                let (key, value) = (*at, *at.add(1));
                words.put(key);
                words.put(match key {
                    AT_PHDR => layout.headers,
                    AT_PHNUM => layout.headers_count,
                    AT_BASE => layout.linker,
                    AT_ENTRY => layout.entry,
                    _ => value,
                });
                if key == AT_NULL {
                    break;
                }
                at = at.add(2);
            }
        }
    }
}

/// Writes words one after the other.
struct Words {
    at: *mut usize,
}

impl Words {
    unsafe fn put(&mut self, word: usize) {
        // SAFETY: the caller has room.
        unsafe {
            *self.at = word;
            self.at = self.at.add(1);
        }
    }
}

/// Writes strings one after the other.
struct Texts {
    at: *mut u8,
}

impl Texts {
    /// Returns the address of the string that is written next.
    fn begin(&self) -> usize {
        self.at.addr()
    }

    unsafe fn put(&mut self, text: &[u8]) {
        let mut index = 0;
        while index < text.len() {
            // SAFETY: the caller has room; the index is below the length.
            unsafe { self.put_byte(*text.as_ptr().add(index)) };
            index += 1;
        }
    }

    /// Appends a string, with the zero byte at its end.
    unsafe fn put_string(&mut self, text: *const u8) {
        let mut from = text;
        // SAFETY: the caller has room; the string ends with a zero byte.
        unsafe {
            while *from != 0 {
                self.put_byte(*from);
                from = from.add(1);
            }
            self.end();
        }
    }

    /// Appends numbers with commas between them, and ends the string.
    unsafe fn put_numbers(&mut self, numbers: &[usize; 3]) {
        let mut separator: &[u8] = b"";
        for number in numbers {
            // SAFETY: the caller has room.
            unsafe {
                self.put(separator);
                let digits = write_number(self.at, *number);
                self.at = self.at.add(digits);
            }
            separator = b",";
        }
        // SAFETY: the caller has room.
        unsafe { self.end() };
    }

    /// Appends 16 hexadecimal digits, and ends the string.
    unsafe fn put_hexadecimal(&mut self, number: u64) {
        let mut shift = 64;
        while shift > 0 {
            shift -= 4;
            let digit = u8::try_from(number >> shift & 15).unwrap_or(0);
            // SAFETY: the caller has room.
            unsafe { self.put_byte(digit + if digit < 10 { b'0' } else { b'a' - 10 }) };
        }
        // SAFETY: the caller has room.
        unsafe { self.end() };
    }

    unsafe fn end(&mut self) {
        // SAFETY: the caller has room.
        unsafe { self.put_byte(0) };
    }

    unsafe fn put_byte(&mut self, byte: u8) {
        // SAFETY: the caller has room. Volatile, or the compiler calls memcpy for the loops above, which is not there.
        unsafe {
            self.at.write_volatile(byte);
            self.at = self.at.add(1);
        }
    }
}

/// Writes the path of a descriptor with a zero byte after it: at most [`PATH_LENGTH`] bytes.
pub(crate) unsafe fn write_path(to: *mut u8, descriptor: usize) {
    let mut texts = Texts { at: to };
    // SAFETY: the caller has room.
    unsafe {
        texts.put(DESCRIPTORS);
        let digits = write_number(texts.at, descriptor);
        texts.at = texts.at.add(digits);
        texts.end();
    }
}

/// Writes a number, at most [`DIGITS`] bytes, and returns their count.
pub(crate) unsafe fn write_number(to: *mut u8, number: usize) -> usize {
    let mut digits = 1;
    let mut rest = number;
    while rest > 9 {
        rest /= 10;
        digits += 1;
    }
    let mut left = digits;
    rest = number;
    while left > 0 {
        left -= 1;
        let digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        // SAFETY: the caller has room for the digits.
        unsafe {
            to.add(left).write_volatile(digit);
        }
        rest /= 10;
    }
    digits
}

/// True if a string of the environment sets one of [`VARIABLES`].
unsafe fn is_variable(text: *const u8) -> bool {
    let mut begin = 0;
    let mut index = 0;
    while index < VARIABLES.len() {
        // SAFETY: the indexes are below the length, and `begin` is not above `index`.
        unsafe {
            let name = VARIABLES.as_ptr();
            if *name.add(index) == b' ' {
                let name = core::slice::from_raw_parts(name.add(begin), index - begin);
                if starts_with(text, name) && *text.add(name.len()) == b'=' {
                    return true;
                }
                begin = index + 1;
            }
        }
        index += 1;
    }
    false
}

/// True if a string begins with `start`.
unsafe fn starts_with(text: *const u8, start: &[u8]) -> bool {
    let mut index = 0;
    while index < start.len() {
        // SAFETY: the zero byte at the end of the string differs from all of `start`.
        unsafe {
            if *text.add(index) != *start.as_ptr().add(index) {
                return false;
            }
        }
        index += 1;
    }
    true
}

unsafe fn length(text: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: the string ends with a zero byte.
    while unsafe { text.add(length).read_volatile() } != 0 {
        length += 1;
    }
    length
}
