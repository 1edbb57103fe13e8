"""The console's words: a sentence for each verdict, standing, state and place, so that no code name stands alone."""

from __future__ import annotations

VERDICTS = {
    "confirmed": "A file without these participants would look like this less than once in 1,000,000,000.",
    "probable": "A file without these participants would look like this less than once in 10,000.",
    "possible": "Worth a look; chance alone could explain it.",
    "none": "Nothing of this cohort was recognised.",
}
STANDINGS = {
    "accuse": "Strong enough to name: the chance that another release is meant is under 1 in 1,000,000, "
    "and it rests on more than ids.",
    "investigate": "Strong enough to ask, not to accuse: under 1 in 1,000, or resting on ids alone, "
    "which anyone who has them can plant.",
}
RELATIONS = {
    "same": "the participants themselves",
    "same-or-sibling": "the participants or full siblings; too little of the genome is there to tell",
    "relative": "kin of participants, not participants",
}
CONTENTS = {
    "individual-level": "rows of single people",
    "aggregate": "counts or summary statistics",
    "documentation": "documentation",
    "identifiers": "a list of ids",
    "code": "program code",
    "text": "text",
    "unknown": "content of an unknown kind",
}
MATCHERS = {
    "row-values": "Rows agree",
    "id-set": "Ids of a release",
    "genotype-identity": "Genotypes agree",
    "near-duplicate-text": "Text is nearly the same",
    "listing-offer": "What is offered",
    "watermark": "Watermark",
}
STATES = {
    "new": "Waits for a person to confirm or dismiss it.",
    "confirmed": "A person confirmed it; notices are due.",
    "notified": "At least one notice is out.",
    "removed": "Every copy that is known is gone; it is watched in case one comes back.",
    "closed": "Over; what is gone is asked again until 90 days have passed, and opens it if it comes back.",
    "dismissed": "A person decided that it is no leak.",
}
WHEREABOUTS = {
    "up": "can be had by anyone",
    "gone": "taken down",
    "private": "behind a sign-in now",
    "moved": "stands at another address",
    "back": "was gone and is up again",
    "blocked": "the site did not let us look: not known",
    "unknown": "no clear answer: not known",
}
NOTICE_STATES = {
    "draft": "A draft: nobody has approved it.",
    "approved": "Approved: these exact bytes may be sent.",
    "sending": "Being sent.",
    "sent": "Sent.",
    "unknown": "A send whose outcome is not known. Find out before anything is sent again.",
    "failed": "The send failed; the recipient did not get it.",
    "void": "Void: it was replaced or withdrawn.",
}
LETTERS = {
    "draft": "As it will go out",
    "approved": "As it will go out",
    "sending": "As it is going out",
    "sent": "As it went out",
    "unknown": "As it may have gone out",
    "failed": "As it was to go out",
    "void": "As it was written",
}
ROLES = {
    "responder": "triages cases and drafts notices",
    "legal": "checks, edits, approves and sends notices",
    "auditor": "reads everything and changes nothing",
    "admin": "manages people and triages",
}
ACTIONS = {
    "case.open": "opened the case",
    "case.confirmed": "confirmed it",
    "case.dismissed": "dismissed it",
    "case.closed": "closed it",
    "case.assign": "gave it to a person",
    "case.reopen": "opened it again",
    "case.removed": "saw every copy gone",
    "case.recheck": "had every address asked again",
    "notice.draft": "drafted a notice",
    "notice.edit": "edited a notice",
    "notice.approve": "approved a notice",
    "notice.send": "sent a notice",
    "notice.delivery": "delivery of a notice",
    "notice.settle": "settled a notice",
    "notice.void": "made a notice void",
}
SURE = {
    "V": "Read in a primary public source.",
    "S": "Read in a secondary source.",
    "K": "General knowledge that nobody checked.",
    "operator": "Set by whoever runs this.",
}
WORDS = {
    "ACTIONS": ACTIONS,
    "SURE": SURE,
    "VERDICTS": VERDICTS,
    "STANDINGS": STANDINGS,
    "RELATIONS": RELATIONS,
    "CONTENTS": CONTENTS,
    "MATCHERS": MATCHERS,
    "STATES": STATES,
    "WHEREABOUTS": WHEREABOUTS,
    "NOTICE_STATES": NOTICE_STATES,
    "LETTERS": LETTERS,
    "ROLES": ROLES,
}
