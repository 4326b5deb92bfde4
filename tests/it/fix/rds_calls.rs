//! Calls for databases that the emulator lacks or does not refuse as AWS does.
