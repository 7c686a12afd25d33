//! The authentication of an instance.

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::super::explain::{KEEPALIVED, Origin, Scope};
use super::Lowering;
use super::instance::Authentication as Draft;
use crate::addr::Version;
use crate::config::model::Authentication;

/// Octets of a version 2 password (RFC 2338 §5.3.10, which RFC 3768 left room for).
const PASSWORD_LEN: usize = 8;

impl Lowering<'_> {
    pub(super) fn authentication_of(
        &mut self,
        authentication: Option<&Draft>,
        version: Version,
        scope: Scope,
    ) -> Authentication {
        self.origins.set(scope, "auth_pass", KEEPALIVED);
        let Some(authentication) = authentication else { return Authentication::None };
        let no_effect = |message: &str| {
            Diagnostic::new(Code::NoAuthentication, authentication.span, message.to_owned())
        };
        if version == Version::V3 {
            let origin = Origin::Changed(authentication.span, "not in version 3");
            self.origins.set(scope, "auth_pass", origin);
            self.report.add(
                no_effect("version 3 has no authentication: the block is ignored")
                    .help("remove it, or write `version 2` on all routers"),
            );
            return Authentication::None;
        }
        if authentication.is_reported {
            return Authentication::None;
        }
        let Some(password) = &authentication.password else {
            self.report.add(no_effect("there is no `auth_pass`: no authentication"));
            return Authentication::None;
        };
        let Some(kind) = &authentication.kind else {
            self.report.add(
                no_effect("there is no `auth_type`: no authentication")
                    .help("write `auth_type PASS` before auth_pass"),
            );
            return Authentication::None;
        };
        let mut octets = [0; PASSWORD_LEN];
        for (octet, given) in octets.iter_mut().zip(password.value.bytes()) {
            *octet = given;
        }
        self.origins.set(scope, "auth_pass", Origin::Configured(password.span));
        let len = password.value.len();
        if len > PASSWORD_LEN {
            let message = format!("auth_pass has {len} octets: only the first 8 are used");
            self.report.add(
                Diagnostic::new(Code::PasswordCut, password.span, message).help(
                    "keepalived cuts it as well, so a pair agrees; shorten it on all routers",
                ),
            );
            self.origins.set(scope, "auth_pass", Origin::Changed(password.span, "cut to 8 octets"));
        }
        let made = (kind.value)(octets);
        if made.is_header() {
            self.needs.headers.push(kind.span);
        }
        made
    }
}
