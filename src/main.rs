//! The program: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1).peekable();
    if args.next_if(|arg| arg == driftsentry::embedded::guard::COMMAND).is_some() {
        return driftsentry::embedded::guard::main(args);
    }
    ExitCode::SUCCESS
}
