//! The messages of the compiler by number: what each means, what brings it about, how to be rid of
//! it. The numbers are stable; one that is retired is not given again.

use super::diagnostic::Severity;

macro_rules! codes {
    ($($variant:ident = $number:literal, $severity:ident, $title:literal,
       $cause:literal, $cure:literal;)*) => {
        /// A kind of message.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// `RW0001` and so on.
            pub const fn id(self) -> &'static str {
                match self { $(Code::$variant => concat!("RW", $number),)* }
            }

            /// How bad it is.
            pub const fn severity(self) -> Severity {
                match self { $(Code::$variant => Severity::$severity,)* }
            }

            /// The code in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }

            /// What brings it about.
            pub const fn cause(self) -> &'static str {
                match self { $(Code::$variant => $cause,)* }
            }

            /// What to do about it.
            pub const fn cure(self) -> &'static str {
                match self { $(Code::$variant => $cure,)* }
            }
        }
    };
}

codes! {
    Nothing = "0001", Error, "there is no vrrp_instance",
        "The file holds no vrrp_instance, so there is nothing that ringward could do. keepalived \
         would run and do nothing.",
        "Check that it is the right file, and that its blocks are not all in comments.";
    NotText = "0002", Error, "not a text file",
        "The file is binary, UTF-16, longer than is read, or holds a NUL octet.",
        "Save it as UTF-8. A compiled configuration is shown by `ringwardc explain`.";
    NotUtf8 = "0003", Warning, "not UTF-8",
        "A value holds octets that are not UTF-8; each became U+FFFD.",
        "Save the file as UTF-8. Comments may hold anything.";
    ByteOrderMark = "0004", Note, "byte order mark",
        "The file starts with the octets EF BB BF, as some editors write them. keepalived takes \
         them for a part of the first keyword and loses its block.",
        "Nothing needs to be done for ringward. Save without a mark for keepalived.";
    LookAlike = "0005", Error, "a character that looks like another",
        "A no-break space, full-width comma, curly quote or invisible character came along, \
         usually by copying from a web page or a word processor.",
        "Type the character anew.";
    OpenQuote = "0006", Error, "a quote is never closed",
        "A quoted value ends on the line where it began.",
        "Close the quote. A value cannot hold a double quote.";
    GluedComment = "0007", Warning, "a comment starts inside a word",
        "`#` and `!` begin a comment anywhere in a line, even in the middle of a word, so the rest \
         of the word is lost: of `auth_pass s3cr!t`, `s3cr` remains.",
        "Put the value in quotes, or a space before the comment.";
    OpenBlock = "0008", Error, "a block is never closed",
        "A `}` is missing. The compiler notices where a keyword follows that can only stand \
         outside of the block.",
        "Put the `}` where the block ends.";
    ExtraClose = "0009", Error, "a } too many",
        "There is a `}` without a `{`, or a block was closed too early.",
        "Remove it, or open the block that it is to close.";
    StrayOpen = "0010", Error, "a { without a keyword",
        "A `{` stands where no keyword wants a block.",
        "Remove it with its `}`, or put the keyword before it.";
    Placeholder = "0011", Error, "a placeholder was left in",
        "The file is a template: something in it was to be replaced before use.",
        "Fill the template, and compile what comes of it.";
    MergeMarker = "0012", Error, "a merge marker was left in",
        "A merge of two versions of the file was not finished.",
        "Decide for one version and remove the lines with <<<<<<<, ======= and >>>>>>>.";
    Nesting = "0013", Error, "blocks in blocks in blocks",
        "Blocks are nested deeper than any keyword allows.",
        "Look for `{` that are never closed.";
    LongLine = "0014", Error, "a line without end",
        "keepalived reads lines of at most 1022 octets: what is longer it takes for two lines, or \
         drops.",
        "Write several lines. If nobody wrote it, check that it is the right file.";
    SingleQuote = "0015", Warning, "single quotes are part of the value",
        "keepalived takes single quotes for ordinary characters, outside of commands: of \
         `auth_pass 'a b'`, `'a` is the password. So does ringward, so that a pair agrees.",
        "Use double quotes, on all routers.";
    OtherLanguage = "0016", Error, "the text is in another language",
        "The file is UCI, as /etc/config has it, and was read as keepalived.conf.",
        "Give `--from uci`, or `--from uci-keepalived` if it is OpenWrt's own \
         /etc/config/keepalived.";
    Unknown = "0020", Error, "unknown keyword",
        "keepalived.conf has no such keyword. keepalived logs a line and goes on without it.",
        "Correct the spelling, or remove the line.";
    Glued = "0021", Error, "a space is missing",
        "A keyword and its value are written as one word.",
        "Put a space between them.";
    Misplaced = "0022", Error, "a keyword in the wrong block",
        "The keyword exists, but not in this block. keepalived logs a line and ignores it.",
        "Move it to the block that the message names.";
    Later = "0023", Error, "not supported yet",
        "keepalived knows this, ringward does not do it yet. Going on without it would compile \
         something else than the file says.",
        "Remove it if you can do without, or stay with keepalived for now.";
    Never = "0024", Error, "not supported",
        "keepalived knows this, ringward will not: the message says what to do instead.",
        "Do that, and remove the keyword.";
    NoEffect = "0025", Note, "no effect here",
        "The keyword is accepted so that files need no change, but it means nothing here: it steers \
         something that ringward does not have, or does always.",
        "Nothing needs to be done.";
    NoBlock = "0026", Error, "a block is missing",
        "The keyword wants a block in braces.",
        "Write `{` behind it and `}` at the end.";
    Twice = "0027", Warning, "given twice",
        "The keyword is in the block more than once. As in keepalived, the last one counts (of \
         `state`, MASTER; lists of addresses and peers are joined).",
        "Remove those that do not count.";
    UnwantedBlock = "0028", Error, "a block where none belongs",
        "The keyword takes a value, not a block in braces.",
        "Remove the braces.";
    NoValue = "0030", Error, "a value is missing",
        "The keyword wants a value behind it on the same line.",
        "Write the value; one that begins with `#` or `!` needs quotes.";
    ExtraValue = "0031", Warning, "more values than are read",
        "Words follow that are not read, by keepalived neither. A flag is on whatever follows it.",
        "Remove them. Each keyword has its own line. To switch a flag off, remove it.";
    NotNumber = "0032", Error, "not a number",
        "The value must be a number in decimal digits; where fractions are allowed, with a point.",
        "Write the number without a unit.";
    OutOfRange = "0033", Error, "out of range",
        "The number is too small or too large. keepalived ignores the line and takes the default.",
        "Choose a number in the range that the message names.";
    NotAddress = "0034", Error, "not an address",
        "The value must be an IPv4 or IPv6 address in numbers. Host names are not looked up, octets \
         have no leading zeros.",
        "Write the address.";
    WrongWord = "0036", Error, "not one of the words that are possible",
        "The keyword wants one of a few words, in exactly this spelling and case.",
        "Write one of those that the message names.";
    BadName = "0037", Error, "not a name that can be used",
        "Interface names and labels have at most 15 octets, names of instances and routers 63.",
        "Choose a shorter name.";
    Rewritten = "0038", Warning, "a value was changed",
        "The value cannot be had exactly and was changed as keepalived changes it.",
        "Write the value that the message names.";
    BadPrefix = "0039", Error, "not a prefix length",
        "Behind the `/` must be a prefix length: up to 32 for IPv4, up to 128 for IPv6.",
        "Write the prefix length.";
    AddressWord = "0040", Error, "something else in an address line",
        "An address line is `ADDRESS[/LENGTH] [dev INTERFACE] [label LABEL]`, one to a line.",
        "Remove what does not belong there.";
    NoInterface = "0050", Error, "an instance without interface",
        "Each vrrp_instance needs `interface`: where its adverts are sent and heard.",
        "Name the interface.";
    NoVrid = "0051", Error, "an instance without virtual_router_id",
        "Each vrrp_instance needs `virtual_router_id`, 1 to 255, the same on all its routers.",
        "Choose a number that no other virtual router on this network has.";
    NoAddress = "0052", Error, "an instance without virtual addresses",
        "An instance advertises at least one address.",
        "List the addresses in virtual_ipaddress.";
    NameTwice = "0053", Error, "two instances, or two scripts, of one name",
        "keepalived drops the second one.",
        "Give it another name.";
    VridTwice = "0054", Error, "one VRID twice",
        "Two instances of one family on one interface have the same virtual_router_id: each would \
         hear the other as a rival.",
        "Give one of them another number, on all its routers.";
    MixedFamilies = "0055", Error, "IPv4 and IPv6 in one instance",
        "An instance advertises addresses of one family: that of its first address. Sources and \
         peers must be of the same.",
        "Make an instance for each family, or move the addresses to virtual_ipaddress_excluded, \
         which takes both.";
    AddressTwice = "0056", Error, "one address twice",
        "Two instances would put the same address on the same interface.",
        "Remove one of them.";
    AddressRepeated = "0057", Warning, "an address is repeated",
        "The address or peer is in the instance already; it counts once.",
        "Remove the repetition.";
    VersionFamily = "0058", Error, "version 2 with IPv6",
        "VRRP version 2 knows IPv4 only (RFC 3768). keepalived sends a version 2 of its own making \
         over IPv6 when an instance says so; ringward would speak version 3, and the two would not \
         hear each other. Without `version`, both speak 3, whatever vrrp_version is.",
        "Remove `version` from the instance on all its routers.";
    MasterPreempts = "0059", Warning, "state MASTER switches nopreempt and preempt_delay off",
        "As in keepalived, an instance with `state MASTER` preempts, and at once.",
        "Write `state BACKUP` on the node with nopreempt or preempt_delay (and give it the higher \
         priority), or remove these two.";
    MasterOwns = "0060", Warning, "state MASTER without a priority",
        "As in keepalived, the priority is then 255: the owner of the addresses, which preempts \
         everybody. Two such nodes never agree.",
        "Give the instance a priority from 1 to 254.";
    OwnerPreempts = "0061", Warning, "an owner always preempts",
        "Priority 255 means that this router owns the addresses; as in keepalived, nopreempt and \
         preempt_delay are switched off.",
        "Lower the priority, or remove nopreempt and preempt_delay.";
    NoAuthentication = "0062", Warning, "authentication without effect",
        "Version 3 has no authentication (RFC 9568 section 1.3), and version 2 needs both auth_type \
         and auth_pass. As in keepalived, the instance runs without.",
        "Complete it, or remove the authentication block.";
    PasswordCut = "0063", Warning, "a password of more than 8 octets",
        "Only 8 octets fit in an advert. keepalived cuts it as well, so that a pair agrees.",
        "Shorten it on all routers.";
    HostMask = "0065", Warning, "a prefix length on the address of one router",
        "A source or peer is one router, so the prefix length means nothing. keepalived ignores it \
         silently.",
        "Remove it.";
    FirstLinkLocal = "0066", Warning, "the first IPv6 address is not link-local",
        "RFC 9568 section 5.2.9 wants the link-local address first: hosts use it as their router. \
         keepalived goes on, other makers may refuse the adverts.",
        "Put an address like fe80::10 first.";
    NoHostPart = "0067", Warning, "no address of a host",
        "The first address of a network is the network, the last one its broadcast address \
         (RFC 1122, 3.2.1.3). keepalived installs both, and hardly anybody talks to them.",
        "Write the address that clients use. If it is right, its length is not: /32 stands alone.";
    OwnPeer = "0068", Warning, "the own address among the peers",
        "unicast_src_ip is also in unicast_peer: the router would send adverts to itself.",
        "Remove it from unicast_peer. The list differs on each router.";
    TooMuch = "0070", Error, "more than this build holds",
        "The tables of the daemon have a fixed length, chosen for the board.",
        "Compile for a larger board, or do with less.";
    DelayWithoutPreempt = "0071", Warning, "preempt_delay with nopreempt",
        "Who never preempts needs no delay before it; as in keepalived, it is ignored.",
        "Remove one of the two.";
    NoPeers = "0072", Warning, "unicast without peers",
        "As in keepalived, the instance speaks multicast.",
        "List the peers in unicast_peer, or write mcast_src_ip for unicast_src_ip.";
    NoConsole = "0073", Warning, "a console on a board that has none",
        "The board's program is built without the Cargo feature `console`: it ignores the line, and \
         nothing is started.",
        "Add `console` to `features` of the board's file, or remove the line.";
    BadCommand = "0080", Error, "a command that cannot be run",
        "A command is a program with its arguments, at spaces that are not in single quotes, of at \
         most 255 octets. Each vrrp_script has one, in `script`.",
        "Write the program with its path and its arguments, all of it in double quotes.";
    NoShell = "0081", Warning, "no shell runs the command",
        "The command holds something that only a shell understands. As in keepalived, the program \
         gets it as an argument.",
        "Put it into a script, or write \"/bin/sh -c '...'\".";
    Untracked = "0082", Warning, "a script that nobody tracks",
        "A vrrp_script runs only if an instance names it in track_script, in keepalived as well.",
        "Name it in track_script, or remove it.";
    UnknownSubject = "0083", Error, "what is tracked does not exist",
        "A track_ block names something that the file does not define. keepalived logs a line and \
         goes on without, so that nothing is tracked.",
        "Correct the name, or define it.";
    TrackerWord = "0084", Error, "something else in a line of a track_ block",
        "A line is `NAME [weight WEIGHT [reverse|noreverse]]`.",
        "Remove what does not belong there.";
    OwnerWeight = "0085", Warning, "a weight for an owner",
        "The priority of an owner (255) never changes, so a tracker with a weight means nothing. \
         keepalived leaves it out as well.",
        "Lower the priority on the owner, or remove the tracker.";
    CommandUser = "0086", Note, "the word behind the command is its user",
        "Behind a command that is not in quotes, keepalived reads the user that it runs as, and a \
         group.",
        "Put a command with arguments in double quotes.";
    OwnInterface = "0087", Note, "the own interface is tracked in any case",
        "An instance cannot take part while its own interface does not work, and a weight cannot \
         change that. keepalived leaves such a line out.",
        "Remove it, or write dont_track_primary in the instance.";
    GroupMember = "0090", Error, "a group of instances that do not exist",
        "A vrrp_sync_group names an instance that the file does not define. keepalived logs a line \
         and goes on without it, so that the others change state without it.",
        "Correct the name, or remove it from the group.";
    TwoGroups = "0091", Error, "an instance in two groups",
        "An instance is master together with all others of its group, so it can be in one only. \
         keepalived logs a line and leaves it in the first.",
        "Remove it from one of them, or make one group of both.";
    SmallGroup = "0092", Warning, "a group of one instance or none",
        "A vrrp_sync_group holds instances together; here are not two of them.",
        "Name the others in `group`, or remove the vrrp_sync_group.";
    GroupedOwner = "0093", Warning, "an owner beside others in a group",
        "An owner (priority 255) is master at once, but a group is master only when every member \
         may be: here it waits for those that are no owners.",
        "Make all of the group owners, or none.";
    GroupWeight = "0094", Warning, "a weight of one member of a group",
        "Weights of what one member tracks would give the members of a sync group different orders. \
         As in keepalived, such a tracker is left out.",
        "Track it in the vrrp_sync_group, with weight 0, or add sync_group_tracking_weight.";
    Invalid = "0099", Error, "a rule of the daemon is broken",
        "The configuration breaks a rule that the daemon checks, and the compiler did not say so \
         where it stands in the text: this is a fault of the compiler.",
        "Please report it with the file.";
    Unset = "0100", Error, "a variable that is not set",
        "Nothing sets the variable before this line. keepalived leaves its name in the text.",
        "Set it in a line before, `$NAME=VALUE`, or on the command line, `-D NAME=VALUE`.";
    VariableEnd = "0101", Error, "a variable is not put in",
        "keepalived puts `$NAME` in only before a blank, a comma, a `)` or the end of the line, and \
         one with several lines only at the end of a line: `10.0.0.$X/24` keeps its `$X`.",
        "Write `${NAME}`; put one with several lines on a line of its own.";
    PlainDollar = "0102", Warning, "a dollar sign in a secret",
        "Nothing sets a variable of this name, so the text is taken as it stands, as keepalived does.",
        "Set the variable, if one was meant.";
    EndlessVariable = "0103", Error, "variables without end",
        "Variables name each other in a circle, or what they become is longer than a line may be: \
         1022 octets.",
        "Look for a variable that names itself, directly or by others.";
    TooManyLines = "0104", Error, "too many lines come of it",
        "Sequences and variables with several lines become more lines than anybody can mean, or are \
         nested too deep: a bound that keeps the compiler quick.",
        "Look for a sequence that is too long.";
    BadSequence = "0105", Error, "a sequence cannot be read",
        "`~SEQ(VARIABLE, START, STEP, END) LINE` repeats its line for each number, START and STEP may \
         be missing; `~LST(VARIABLE, VALUE, VALUE) LINE` for each value. At most 4096 rounds.",
        "Correct what the message names.";
    Continued = "0106", Error, "a line that goes on",
        "Only lines that set a variable go on in the next by a backslash. keepalived takes the \
         backslash for a part of the last word.",
        "Write it on one line.";
    Overruled = "0107", Note, "a variable of the command line counts",
        "-D sets a variable for good; the line in the text does not count.",
        "Nothing needs to be done.";
    NotRandom = "0108", Note, "a random number is always the same",
        "`${_RANDOM}` becomes a number that depends on the configuration id and the place in the \
         text, so that a text always compiles to the same configuration.",
        "Nothing needs to be done; another id brings another number.";
    NoEnvironment = "0109", Warning, "a variable of the environment is missing",
        "`${_ENV NAME}` becomes nothing.",
        "Set it in the environment of ringwardc.";
    NoConfigId = "0110", Error, "the configuration id was not given",
        "`@ID` lines and `${_INSTANCE}` depend on it. keepalived takes the short host name of the \
         machine it runs on, which is not where a configuration is compiled.",
        "Compile with `--config-id NAME`.";
    EmptyCondition = "0111", Warning, "a condition without a line",
        "`@ID` is followed by nothing: keepalived drops the line.",
        "Write the line behind `@ID` and a space.";
    MissingFile = "0112", Error, "an included file is missing",
        "keepalived logs it and goes on without what should be in it.",
        "Create the file, or remove the include.";
    NothingIncluded = "0113", Note, "an include matches nothing",
        "No file matches the pattern. That is fine for a folder that may be empty.",
        "Nothing needs to be done; `includew` makes it an error.";
    SkippedFile = "0114", Warning, "an included file is left out",
        "keepalived leaves out what is no regular file, cannot be read, or is executable.",
        "Make it a plain file: `chmod -x`.";
    IncludeCircle = "0115", Error, "a file includes itself",
        "Includes lead in a circle, directly or by other files.",
        "Remove one of them.";
    TooManyFiles = "0116", Error, "too much is included",
        "At most 1000 files of 4 MiB together are read, 16 deep.",
        "Check the patterns of the includes.";
    LeftOut = "0117", Note, "left out as asked for",
        "--only vrrp leaves out virtual servers, their checks and what steers them.",
        "Nothing needs to be done.";
    UciSyntax = "0120", Error, "no UCI",
        "The file cannot be read as UCI; the message has libuci's own words. `uci show` refuses the \
         file as well; init scripts drop the line silently.",
        "Correct what is underlined. A ' in a value is written '\\''.";
    Swallowed = "0121", Warning, "UCI drops a part of a line",
        "A `;` that follows a word without a space ends the line: what comes behind it is lost, for \
         libuci as well.",
        "Put a space before the `;`, or each command on a line of its own.";
    NoSection = "0122", Error, "a section that does not exist",
        "Something refers to a section that is not there. OpenWrt's script drops the reference \
         silently.",
        "Add the section, or correct the name.";
    SectionTwice = "0123", Warning, "two sections of one name",
        "References mean the first one.",
        "Give the other one another name.";
    AsMeant = "0124", Note, "done as meant",
        "OpenWrt's script loses or changes this on its way to keepalived. It is compiled as it was \
         meant.",
        "Nothing needs to be done for ringward.";
    NotTruth = "0125", Error, "neither on nor off",
        "A flag is 1, on, true, yes or enabled; or 0, off, false, no or disabled.",
        "Write one of these.";
    NoImport = "0127", Error, "cannot be said in UCI",
        "What was written as UCI would compile to something else: the order of repeated keywords \
         counts in keepalived.conf, and UCI does not keep it.",
        "Remove the lines that ringwardc warns of, and import again.";
    OutsideNetwork = "0130", Warning, "the own address is outside of the networks served",
        "None of the virtual addresses on the interface is in a network with the source address that \
         is configured, although they have prefix lengths. Often one of the two is misspelt.",
        "Check both. If it is meant so, `--allow RW0130`.";
    ScriptOverlaps = "0131", Warning, "a script may run longer than its interval",
        "`timeout` is longer than `interval`: while a run takes its time, the next ones are skipped.",
        "Choose a longer interval, or a shorter timeout.";
    LateNetwork = "0132", Note, "a network whose device is told at the start",
        "An interface that begins with `@`, or `option network` of UCI, is a network of OpenWrt. Its \
         device is known where the configuration runs; until it is told, the instance is in FAULT.",
        "Start with `ringward run --network NAME=DEVICE`; on OpenWrt network_get_device of \
         /lib/functions/network.sh knows it. `ringwardc --network NAME=DEVICE` compiles it in.";
    NotHere = "0133", Warning, "no such interface on this router",
        "The configuration is compared with a router that has no interface of this name. An instance \
         is in FAULT until its interface is there.",
        "Correct the name, unless the interface comes later.";
    OutsideInterface = "0134", Warning, "an address is in no network of its interface",
        "The interface has addresses, and none of their networks holds the virtual address: hosts \
         there reach it by a route only.",
        "Check the address and its interface. If it is meant so, `--allow RW0134`.";
    BadBuiltin = "0140", Error, "a built-in check that cannot be made",
        "`builtin` names something that the daemon looks at by itself, without a program: \
         `process NAME`, `tcp ADDRESS:PORT` or `http://ADDRESS[:PORT]/PATH [STATUS]`. Names are not looked up, since \
         nothing in the daemon waits.",
        "Write the check as it is shown, with an address; or run a program in `script`.";
    HasBuiltin = "0141", Note, "there is a built-in check for this",
        "The command only looks whether a process runs, a port is open or a page is there. The \
         daemon can do so by itself: no program is started, and a board without programs can do it.",
        "Write the `builtin` line that is shown. keepalived does not know it.";
}

impl Code {
    /// The code with this identifier, whatever its case.
    pub fn find(id: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.id().eq_ignore_ascii_case(id))
    }

    /// Whether messages of this code that read the same are shown as one with several places.
    pub(super) fn folds(self) -> bool {
        [
            Code::Later,
            Code::Never,
            Code::NoEffect,
            Code::Placeholder,
            Code::MergeMarker,
            Code::NotUtf8,
            Code::LateNetwork,
            Code::NotHere,
            Code::TooMuch,
            Code::NoConfigId,
            Code::LeftOut,
        ]
        .contains(&self)
    }
}
