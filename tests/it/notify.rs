//! Alerts reach a real mail server and real HTTP receivers: once, again after a failure that passes, never after one
//! that stays.

mod desk;
mod http;
mod mail;
