//! Passing over one JSON element, byte by byte: where it ends, and how many keys are in it.
//!
//! It goes on from chunk to chunk. The loops are plain on purpose: a hundred megabytes go through them, in builds
//! without optimisation too. It takes any bracket for any other: what is wanted is parsed afterwards.

use super::scan::DEEPEST;

/// How far one element has been passed over.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is one fact of where a byte stands")]
pub(super) struct Pass {
    /// Brackets that are open.
    pub(super) depth: usize,
    /// Colons so far, outside of texts.
    pub(super) keys: usize,
    is_in_text: bool,
    is_escaped: bool,
    /// It has no brackets and no quotes: a number, a truth value, null.
    pub(super) is_bare: bool,
    /// It ended before it began.
    pub(super) is_empty: bool,
}

impl Pass {
    /// Moves `at` on; whether the element ended.
    pub(super) fn advance(&mut self, bytes: &[u8], at: &mut usize) -> bool {
        let end = bytes.len();
        let mut here = *at;
        while here < end {
            if self.is_in_text {
                here = self.advance_in_text(bytes, here);
                if !self.is_in_text && self.depth == 0 {
                    *at = here;
                    return true;
                }
                continue;
            }
            let byte = bytes[here];
            if MARKS[byte as usize] == 0 {
                self.is_bare |= self.depth == 0 && !byte.is_ascii_whitespace();
                if self.is_bare && byte.is_ascii_whitespace() {
                    *at = here;
                    return true;
                }
                here += 1;
                continue;
            }
            if self.depth == 0 && (self.is_bare || matches!(byte, b',' | b':' | b']' | b'}')) {
                self.is_empty = !self.is_bare;
                *at = here;
                return true;
            }
            here += 1;
            match byte {
                b'"' => self.is_in_text = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    if self.depth > DEEPEST {
                        break;
                    }
                }
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        *at = here;
                        return true;
                    }
                }
                b':' => self.keys += 1,
                _ => {}
            }
        }
        *at = here;
        false
    }

    /// Passes over the rest of a text, its closing quote included; where it came to.
    fn advance_in_text(&mut self, bytes: &[u8], mut here: usize) -> usize {
        let end = bytes.len();
        while here < end {
            let byte = bytes[here];
            here += 1;
            if self.is_escaped {
                self.is_escaped = false;
            } else if byte == b'"' {
                self.is_in_text = false;
                break;
            } else if byte == b'\\' {
                self.is_escaped = true;
            }
        }
        here
    }
}

/// 1 for the bytes that mean something outside of texts.
const MARKS: [u8; 256] = {
    let mut marks = [0; 256];
    let bytes = b"\"{}[]:,";
    let mut index = 0;
    while index < bytes.len() {
        marks[bytes[index] as usize] = 1;
        index += 1;
    }
    marks
};
