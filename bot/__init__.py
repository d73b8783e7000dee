"""nervecheck: a Telegram bot that asks patients how their nerves are, and turns a red flag into a phone call.

The map. Read core/checkin.py, core/triage.py and core/concern.py first: the rest of the program serves them.

core/      decides: check-ins, triage, schedules, escalation. No files, network or clock; the time comes in as `at`
content/   what clinicians sign: the protocol (questions, rules, tips, plans), and the texts in every language
app/       the use cases, by noun: alerts/ checkins/ concerns/ operations/ patients/ schedules/ team/. Each takes one
           `Work` (work.py: the stores of one transaction, the clinic, the time, the actor, the notices); records/ are
           what is stored, ports/ the interfaces of the stores
dialog/    the conversation: which screen follows a tap, command or notice, for patients, caregivers and the team
db/        tables, encryption and transactions; stores/ implements the ports of app/ in SQL
chat/      Telegram in: updates, signed buttons, rendering
delivery/  Telegram out: the outbox, in lanes, within rate limits
desk/      the team's web pages; routes.py is the access table
export/    files that leave the program: tables, FHIR, calendars, cards
sandbox/   a simulated Telegram with a chat page: everything can be tried without a token; sandboxed.py connects it
ops/       health checks, metrics and the uptime ping
cli/       the commands, one module per noun; `play` is the conversation in a terminal

wiring.py  builds everything from the settings          service.py  starts and stops the running parts
ticker.py  runs the sweeps of app/ every second         config.py   the settings; nothing else reads the environment
clock.py   the clocks; nothing else reads the time      clock_sync.py  synchronizes replicas to the database's clock
database_session.py  the database for one command       logging.py  the log, without secrets or answers

Imports point from the edges inwards: cli, chat, delivery, desk, ticker -> dialog -> app -> core; content -> core; db
implements the ports of app; wiring may import everything. tests/test_architecture.py checks this.

What a tap passes: `Poller.run` (chat/poll.py) or the webhook receives the raw update; `Dispatcher.handle`
(chat/updates.py) runs it in one transaction, once; `Handlers.route` (chat/handlers.py) verifies the signed button;
`taps.tap` and `checkins.tapped` (dialog/) call `answering.answer` (app/checkins/), which calls `step`
(core/checkin.py) and applies its events: answer, assessment, alert, messages. Only after the commit is the tap answered
and does `Sender` (delivery/outbox.py) send the messages. A message is a row of the outbox until it is sent, so that
nothing is lost if the process dies; tests/chaos kills it and verifies that. deploy/docs/follow-a-tap.md names each
function on this way, deploy/docs/follow-an-alert.md those from an alert that is opened to one that is closed.
"""
