//! What this face says when it does not do what it was asked: all of it, in both languages, in one place.
//!
//! Invariants: one line each, saying what to do; nothing that the caller sent is in it.

use axum::http::StatusCode;

use super::preferences::Language;
use crate::kit::answer::Outcome;

/// What is known of a complaint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) status: StatusCode,
    /// The word in logs.
    pub(super) code: &'static str,
    /// The class in figures.
    pub(super) outcome: Outcome,
    english: &'static str,
    german: &'static str,
}

impl Row {
    /// The line; each `{}` stands for something to be filled in.
    pub(super) fn line(self, language: Language) -> &'static str {
        match language {
            Language::English => self.english,
            Language::German => self.german,
        }
    }
}

macro_rules! words {
    ($($word:ident $status:ident $outcome:ident $code:literal: $english:literal, $german:literal;)*) => {
        /// A complaint.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Word {
            $($word,)*
        }

        impl Word {
            /// All of them.
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$word,)*];

            /// What is known of it.
            pub(super) fn row(self) -> Row {
                match self {
                    $(Self::$word => Row {
                        status: StatusCode::$status,
                        code: $code,
                        outcome: Outcome::$outcome,
                        english: $english,
                        german: $german,
                    },)*
                }
            }
        }
    };
}

words! {
    NoSuchPath NOT_FOUND NoRoute "no_path":
        "There is nothing at this path; paths are /[TENANT/]ccsimplemailapi/PACKAGE/PARCUSTID/FUNCTION[/...], for example /ccsimplemailapi/access/10953/status.",
        "Unter diesem Pfad gibt es nichts; Pfade haben die Form /[MANDANT/]ccsimplemailapi/PACKAGE/PARCUSTID/FUNKTION[/...], zum Beispiel /ccsimplemailapi/access/10953/status.";
    NoSuchMethod METHOD_NOT_ALLOWED NoRoute "no_method":
        "This HTTP method does nothing here; use one of those in the Allow header.",
        "Diese HTTP-Methode bewirkt hier nichts; verwenden Sie eine der Methoden aus dem Header Allow.";
    NoSuchTenant NOT_FOUND NoRoute "no_tenant":
        "There is no such tenant; the first segment of the path must be the name of a [[tenant]] in the catalogue.",
        "Diesen Mandanten gibt es nicht; das erste Segment des Pfads muss der Name eines [[tenant]] im Katalog sein.";
    NoDefaultTenant NOT_FOUND NoRoute "no_default_tenant":
        "No tenant answers paths that name none; put the tenant's name before ccsimplemailapi, or set default = true in one [[tenant]] of the catalogue.",
        "Kein Mandant beantwortet Pfade ohne Mandanten; setzen Sie den Namen des Mandanten vor ccsimplemailapi, oder im Katalog default = true bei einem [[tenant]].";
    Maintenance SERVICE_UNAVAILABLE Unavailable "maintenance":
        "Maintenance is under way; repeat the call after the seconds in Retry-After.",
        "Wartungsarbeiten laufen; wiederholen Sie den Aufruf nach den Sekunden in Retry-After.";
    Busy SERVICE_UNAVAILABLE Unavailable "busy":
        "There is too much to do just now; repeat the call after the seconds in Retry-After.",
        "Gerade ist zu viel zu tun; wiederholen Sie den Aufruf nach den Sekunden in Retry-After.";
    TooManyRequests TOO_MANY_REQUESTS Throttled "throttled":
        "Your network sends too many requests; wait the seconds in Retry-After, then go on more slowly.",
        "Aus Ihrem Netz kommen zu viele Aufrufe; warten Sie die Sekunden in Retry-After ab und rufen Sie dann seltener auf.";
    CredentialsNeeded UNAUTHORIZED SignInFailed "credentials_needed":
        "Credentials are needed from your network; send those of a back end of this tenant by HTTP Basic, or its API credential as Authorization: Bearer.",
        "Aus Ihrem Netz sind Zugangsdaten nötig; senden Sie die eines Backends dieses Mandanten mit HTTP Basic, oder dessen API-Schlüssel mit Authorization: Bearer.";
    CredentialsNeededBehindProxy UNAUTHORIZED SignInFailed "credentials_needed_proxy":
        "Credentials are needed: the request says that a proxy forwarded it, and that proxy is not vouched for, so the network it comes from counts for nothing; send credentials by HTTP Basic or Authorization: Bearer, or have the operator add the proxy to trusted_proxies and let it set X-Forwarded-For.",
        "Zugangsdaten sind nötig: laut dem Aufruf hat ihn ein Proxy weitergeleitet, für den sich niemand verbürgt, darum zählt das Netz nicht, aus dem er kommt; senden Sie Zugangsdaten mit HTTP Basic oder Authorization: Bearer, oder lassen Sie den Betreiber den Proxy in trusted_proxies eintragen und ihn X-Forwarded-For setzen.";
    SignInFailed UNAUTHORIZED SignInFailed "sign_in_failed":
        "Signing in failed; check the username and password or API credential, and from where it may be used.",
        "Die Anmeldung ist fehlgeschlagen; prüfen Sie Benutzername und Passwort oder API-Schlüssel, und von wo er benutzt werden darf.";
    NotForTenant FORBIDDEN Refused "not_for_tenant":
        "These credentials are not for this tenant; use those of one of its own back ends.",
        "Diese Zugangsdaten gelten nicht für diesen Mandanten; verwenden Sie die eines seiner Backends.";
    ReadOnly FORBIDDEN Refused "read_only":
        "This API credential may only read; use one that may write.",
        "Dieser API-Schlüssel darf nur lesen; verwenden Sie einen, der schreiben darf.";
    FromAPage FORBIDDEN Refused "from_a_page":
        "A web page made a browser send this, so nothing was changed; call from a back end, or send credentials.",
        "Eine Webseite ließ einen Browser dies senden, darum wurde nichts geändert; rufen Sie von einem Backend aus auf, oder senden Sie Zugangsdaten.";
    ParCustIdInvalid BAD_REQUEST Invalid "par_cust_id_invalid":
        "The ParCustId is not valid; it has 1 to 64 letters, digits, dots, underscores and hyphens, and begins with a letter or digit.",
        "Die ParCustId ist ungültig; sie hat 1 bis 64 Buchstaben, Ziffern, Punkte, Unter- und Bindestriche und beginnt mit einem Buchstaben oder einer Ziffer.";
    HashInvalid BAD_REQUEST Invalid "hash_invalid":
        "The HASH is not valid; send the MD5 of the password as 32 hexadecimal digits.",
        "Der HASH ist ungültig; senden Sie den MD5 des Passworts als 32 hexadezimale Ziffern.";
    CountInvalid BAD_REQUEST Invalid "value_invalid":
        "The value of this pack is not valid; it is a number from 1 to 10000, such as 5.",
        "Der Wert dieses Pakets ist ungültig; er ist eine Zahl von 1 bis 10000, zum Beispiel 5.";
    SizeInvalid BAD_REQUEST Invalid "value_invalid":
        "The value of this pack is not valid; it is a number of at most 6 digits followed by K, M, G or T, such as 100M.",
        "Der Wert dieses Pakets ist ungültig; er ist eine Zahl mit höchstens 6 Ziffern, gefolgt von K, M, G oder T, zum Beispiel 100M.";
    BodyTooLarge PAYLOAD_TOO_LARGE Invalid "body_too_large":
        "The body is too large; this interface needs none.",
        "Der Body ist zu groß; diese Schnittstelle braucht keinen.";
    BodyBroken BAD_REQUEST Invalid "body_broken":
        "The body broke off or did not arrive in time; this interface needs none.",
        "Der Body brach ab oder kam nicht rechtzeitig an; diese Schnittstelle braucht keinen.";
    CustomerNotFound NOT_FOUND Refused "customer_not_found":
        "There is no such customer; create it with access/PARCUSTID/enable/HASH.",
        "Diesen Kunden gibt es nicht; legen Sie ihn mit access/PARCUSTID/enable/HASH an.";
    PackNotFound NOT_FOUND Refused "pack_not_found":
        "This tenant has no such pack; the names are those of its packs in the catalogue.",
        "Dieses Paket gibt es bei diesem Mandanten nicht; die Namen sind die seiner Pakete im Katalog.";
    PackNotActive NOT_FOUND Refused "pack_not_active":
        "The customer does not have this pack; pack/PARCUSTID/list shows those it has.",
        "Der Kunde hat dieses Paket nicht; pack/PARCUSTID/list zeigt, welche er hat.";
    Dirty CONFLICT Refused "dirty":
        "A request for this customer is still pending; repeat the call once dirty is false.",
        "Für diesen Kunden ist noch ein Auftrag in Arbeit; wiederholen Sie den Aufruf, sobald dirty false ist.";
    PackValueDiffers CONFLICT Refused "pack_value_differs":
        "The customer has this pack with the value {}; disable it with that value.",
        "Der Kunde hat dieses Paket mit dem Wert {}; deaktivieren Sie es mit diesem Wert.";
    MailboxesInUse CONFLICT Refused "mailboxes_in_use":
        "The customer uses {} mailboxes, more than the value allows; send a value of that many or more, or disable the pack and enable it with this value, which brings back no more mailboxes than it allows.",
        "Der Kunde nutzt {} Postfächer, mehr als der Wert erlaubt; senden Sie einen Wert, der dafür reicht, oder deaktivieren Sie das Paket und aktivieren Sie es mit diesem Wert, worauf nur so viele Postfächer zurückkommen, wie er erlaubt.";
    AddressTaken CONFLICT Refused "address_taken":
        "The address of the customer's primary mailbox belongs to another customer for good; use a ParCustId that gives another address (capital and small letters make no difference in it).",
        "Die Adresse des Hauptpostfachs gehört auf Dauer einem anderen Kunden; verwenden Sie eine ParCustId, die eine andere Adresse ergibt (Groß- und Kleinbuchstaben machen darin keinen Unterschied).";
    AddressImpossible BAD_REQUEST Invalid "address_impossible":
        "No mail address can be made from this ParCustId; the Mail pack needs one without dots at its end or next to each other.",
        "Aus dieser ParCustId lässt sich keine Mailadresse bilden; für das Paket Mail darf sie nicht auf einen Punkt enden und keine zwei Punkte hintereinander haben.";
    RequestFailed INTERNAL_SERVER_ERROR Fault "request_failed":
        "Request {} was not carried out: {}; nothing more is tried, so repeat the call or ask the operator.",
        "Auftrag {} wurde nicht ausgeführt; das System meldet: „{}“. Es wird nichts mehr versucht, wiederholen Sie daher den Aufruf oder fragen Sie den Betreiber.";
    Internal INTERNAL_SERVER_ERROR Fault "fault":
        "Something is broken on the server; give the operator the X-Request-Id of this answer.",
        "Auf dem Server ist etwas defekt; nennen Sie dem Betreiber die X-Request-Id dieser Antwort.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_one_line_in_both_languages_with_the_same_gaps() {
        for word in Word::ALL {
            let row = word.row();
            let lines = [Language::English, Language::German].map(|language| row.line(language));
            for line in lines {
                assert!(!line.chars().any(char::is_control), "{line}");
                assert!(line.ends_with('.') && line.contains(';'), "what is to be done? {line}");
            }
            assert_ne!(lines[0], lines[1]);
            assert_eq!(lines[0].matches("{}").count(), lines[1].matches("{}").count(), "{word:?}");
            assert!(row.status.is_client_error() || row.status.is_server_error(), "{word:?}");
        }
    }
}
