//! The `driftsentry` program: arguments in, exit code out.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1).peekable();
    // The guardian of child processes is no command: it must work before, and without, everything else.
    if args.next_if(|arg| arg == driftsentry::embedded::guard::COMMAND).is_some() {
        return driftsentry::embedded::guard::main(args);
    }
    let env = driftsentry::config::process_env();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(driftsentry::cli::main(env)),
        Err(error) => {
            drop(writeln!(std::io::stderr(), "error: start the async runtime: {error}"));
            ExitCode::FAILURE
        }
    }
}
