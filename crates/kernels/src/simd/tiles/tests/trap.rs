//! Tile instructions that a CPU does not have: each raises SIGILL, whose handler reads it, does what it says and steps over it.

use super::Emulated;
use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

static TRAPPED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static UNIT: RefCell<Emulated> = RefCell::default();
}

/// Instructions that were emulated.
pub fn trapped() -> usize {
    TRAPPED.load(Ordering::Relaxed)
}

/// From here on tile instructions work in this process.
pub fn emulate() {
    // SAFETY: the action is whole, and its handler touches nothing but the instruction's registers and this thread's unit.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_illegal as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
        assert_eq!(libc::sigaction(libc::SIGILL, &action, std::ptr::null_mut()), 0);
    }
}

/// The registers by their numbers in an instruction.
const REGISTERS: [i32; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

extern "C" fn on_illegal(_: i32, _: *mut libc::siginfo_t, context: *mut libc::ucontext_t) {
    // SAFETY: the kernel gives the registers of the thread, and the instruction is readable where it was to run.
    let (registers, code) = unsafe {
        let registers = &mut (*context).uc_mcontext.gregs;
        let code = registers[libc::REG_RIP as usize] as *const [u8; 12];
        (registers, code.read_unaligned())
    };
    let Some(length) = UNIT.with_borrow_mut(|unit| run(unit, code, |number| registers[REGISTERS[number] as usize]))
    else {
        std::process::abort(); // another instruction: it is illegal
    };
    registers[libc::REG_RIP as usize] += length;
    TRAPPED.fetch_add(1, Ordering::Relaxed);
}

/// Does what an instruction says; gives its length. The bytes: C4, inverted bits of registers and the map 2, inverted third
/// operand and prefix, opcode, operands.
fn run(unit: &mut Emulated, code: [u8; 12], register: impl Fn(usize) -> i64) -> Option<i64> {
    let [0xc4, map, third, opcode, operands, ..] = code else { return None };
    let (prefix, tile, low) = (third & 0x83, (operands >> 3 & 7) as usize, (operands & 7) as usize);
    let direct = operands >> 6 == 3;
    if map & 0x1f != 2 {
        return None;
    }
    match (opcode, prefix, direct) {
        (0x49, 0, true) if operands == 0xc0 => unit.configure([0; 8]),
        (0x49, 3, true) if low == 0 => unit.zero(tile),
        (0x49, 0, false) => {
            let (from, length) = memory(&code, register)?;
            assert!(tile == 0 && from.step == 0, "a configuration is read where one register says");
            // SAFETY: the instruction reads 64 bytes there.
            let config = unsafe { (from.at as *const [u8; 64]).read_unaligned() };
            assert!(config[0] == 1 && config[16..32].chunks(2).all(|bytes| bytes == [64, 0]), "palette 1, whole rows");
            unit.configure(std::array::from_fn(|tile| config[48 + tile] as usize));
            return Some(length);
        }
        (0x4b, 3 | 2, false) => {
            let (place, length) = memory(&code, register)?;
            // SAFETY: the instruction reads or writes the rows that its tile is set up for.
            unsafe {
                match prefix {
                    3 => unit.read(tile, place.at as *const u8, place.step as usize),
                    _ => unit.write(tile, place.at as *mut u8, place.step as usize),
                }
            }
            return Some(length);
        }
        (0x5c, 2, true) => unit.add(tile, low, (!third >> 3 & 0xf) as usize),
        _ => return None,
    }
    Some(5)
}

/// Where an operand in memory begins, and the register beside it, which says how far its rows are apart.
struct Place {
    at: i64,
    step: i64,
}

/// The operand in memory of an instruction, and the instruction's length.
fn memory(code: &[u8; 12], register: impl Fn(usize) -> i64) -> Option<(Place, i64)> {
    let (map, operands) = (code[1], code[4]);
    let extended = |bit: u8, number: u8| (number & 7 | if map & bit == 0 { 8 } else { 0 }) as usize;
    let (base, step, mut length) = if operands & 7 == 4 {
        let scaled = code[5];
        let index = extended(0x40, scaled >> 3);
        let step = if index == 4 { 0 } else { register(index) << (scaled >> 6) };
        (extended(0x20, scaled), step, 6)
    } else {
        (extended(0x20, operands), 0, 5)
    };
    let offset = match operands >> 6 {
        0 if base & 7 != 5 => 0,
        1 => i64::from(code[length] as i8),
        2 => i64::from(i32::from_le_bytes([code[length], code[length + 1], code[length + 2], code[length + 3]])),
        _ => return None,
    };
    length += [0, 1, 4][(operands >> 6) as usize];
    Some((Place { at: register(base) + offset, step }, length as i64))
}
