//! The `driftsentry` program: arguments in, exit code out.

use std::io::Write;
use std::process::ExitCode;

/// AWS and the database are waited for most of the time: more threads would only take memory on a big machine.
const MOST_WORKERS: usize = 4;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1).peekable();
    // The guardian of child processes is no command: it must work before, and without, everything else.
    if args.next_if(|arg| arg == driftsentry::embedded::guard::COMMAND).is_some() {
        return driftsentry::embedded::guard::main(args);
    }
    let env = driftsentry::config::process_env();
    match tokio::runtime::Builder::new_multi_thread().worker_threads(workers()).enable_all().build() {
        Ok(runtime) => runtime.block_on(driftsentry::cli::main(env)),
        Err(error) => {
            drop(writeln!(std::io::stderr(), "error: start the async runtime: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST_WORKERS)
}
