"""nervecheck: a Telegram bot that asks patients how their nerves are, and turns a red flag into a phone call.

The map. Read core/checkin.py and core/triage.py next: they are what the rest exists for.

core/      decides, and does nothing else: no files, no network, no clock; the time comes in as `at`
content/   what clinicians sign: the protocol (questions, rules, tips, plans), texts and words in every language
app/       the use cases: plain functions on one open transaction
db/        tables and rows; `transact` runs a use case; sensitive columns are encrypted
chat/      Telegram in: updates, taps, screens          delivery/  Telegram out: the outbox, by order of urgency
ticker.py  calls the sweeps of app/ every second        clock.py   the clocks; nothing else reads the time
timekeeper.py  replicas go by the database's clock      offline.py the database without the bot, for cli/
console/   the team's web pages; routes.py is the table of who may open what
export/    what leaves as files: tables, FHIR, calendars, cards
sandbox/   a stand-in for Telegram with a chat page: everything can be tried without a token; sandboxed.py joins it
ops/       health, metrics, the ping, what must be right before a start
config.py  the settings; nothing else reads the environment
wiring.py  builds it all from the settings              service.py starts and stops the running parts
cli/       the commands, one file a noun; `play` is the conversation in a terminal

Which way imports point: cli, chat, console, delivery, ticker -> app -> core <- content; db serves app; wiring sees all.
One test holds that (tests/test_architecture.py).

What a tap goes through: chat/poll.py takes the raw update, chat/handlers.py reads the signed button, and
app/conversation.py works it off in one transaction (answer, assessment, alert, messages to send). Only after the commit
is Telegram told and the message sent. A message is a row of the outbox until it is sent: nothing is lost when the
process dies. tests/chaos kills it and looks: run.py is one run, model.py what its taps must have led to, auditor.py
what counts as lost.
"""
