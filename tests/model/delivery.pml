/*
 * How a command is delivered, carried out once and answered once: submit, poll, inbox, act, report,
 * acknowledge, with crashes of the broker and the worker, and messages that are lost or come twice.
 *
 * What the programs keep in memory and what is on the disk are different variables here; a crash
 * puts the first back to the second. What a local variable held is forgotten, for fewer states. A network is a channel that may lose or repeat. Two commands
 * of one client, in order; each yields two events: that it was begun, and its outcome.
 *
 *   spin -a delivery.pml && gcc -O2 -DSAFETY -o pan pan.c && ./pan
 *
 * -DFAULTS=2 allows two faults in one history, and takes longer.
 * -DMUTANT=n leaves one rule out; tests/integration/model_test.py demands that each is found.
 *   1 the broker answers before it commits        4 the worker acts before its inbox is durable
 *   2 the broker does not know what it has heard  5 the worker takes an acknowledgement for granted
 *   3 the cursor is durable before the inbox is   6 after a crash the worker acts again unseen
 */
#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef FAULTS
#define FAULTS 1
#endif

#define COMMANDS 2
#define EVENTS   (2 * COMMANDS) /* of the whole journal */

byte faults = FAULTS;

/* The wires: `submit` and `report` to the broker, `answer` and `ack` back. */
chan submit = [2] of { byte };
chan answer = [2] of { byte };
chan report = [2] of { byte, byte }; /* first and last number */
chan ack = [2] of { byte };

/* The broker's log, durable, and what its next commit will add. */
byte commands = 0;         /* that the log has: 1 to n, in order */
byte events = 0;           /* of the journal that the log has: 1 to n */
byte outcomes[COMMANDS + 1];
byte said[COMMANDS + 1];   /* how often the log has the command */
byte next_commands = 0, next_events = 0, due_answer = 0;
bool due_ack = false;

/* The worker's journal, durable: cursor, inbox, events; then what is in memory. */
byte cursor = 0, inbox = 0, begun = 0, ended = 0, written = 0, acked = 0;
byte m_cursor = 0, m_begun = 0, m_ended = 0;
byte effects[COMMANDS + 1]; /* what was done to the world */

byte asked = 1;    /* the client's command */
byte answered = 0; /* the last that was acknowledged to it */

/* The event with number n is of command (n + 1) / 2, and its outcome when n is even. */
inline log_events(upto)
{
    do
    :: events < upto ->
        events++;
        if
        :: events % 2 == 0 -> outcomes[events / 2]++
        :: else
        fi
    :: else -> break
    od
}

active proctype client()
{
    byte got;

end:
    do
    :: atomic { asked <= COMMANDS && len(submit) == 0 -> submit ! asked }
    :: atomic { nempty(answer) -> answer ? got;
        if
        :: got == asked -> answered = asked; asked++
        :: else
        fi;
        got = 0 }
    od
}

active proctype broker()
{
    byte id, first, last;

end:
    do
    /* Taken in, and judged against what the log and this batch have. */
    :: atomic { next_commands == 0 && nempty(submit) ->
        submit ? id;
        if
        :: id == commands + 1 || MUTANT == 2 -> next_commands = id
        :: else
        fi;
        due_answer = id;
        if
        :: MUTANT == 1 && len(answer) < 2 -> answer ! id; due_answer = 0
        :: else
        fi;
        id = 0 }
    :: atomic { next_events == 0 && !due_ack && nempty(report) ->
        report ? first, last;
        if
        :: first <= events + 1 && last > events -> next_events = last
        :: else
        fi;
        due_ack = true; first = 0; last = 0 }
    /* One transaction. */
    :: atomic { (next_commands > 0 || next_events > 0) ->
        if
        :: next_commands > 0 -> commands = next_commands; said[commands]++
        :: else
        fi;
        log_events(next_events);
        next_commands = 0; next_events = 0 }
    /* Only then is anybody told. */
    :: atomic { next_commands == 0 && due_answer > 0 && nfull(answer) ->
        answer ! due_answer; due_answer = 0 }
    :: atomic { next_events == 0 && due_ack && nfull(ack) -> ack ! events; due_ack = false }
    :: atomic { faults > 0 && (next_commands > 0 || next_events > 0 || due_answer > 0 || due_ack) ->
        faults--;
        next_commands = 0; next_events = 0; due_answer = 0; due_ack = false }
    od
}

active proctype worker()
{
    byte upto;

end:
    do
    /* A page: the next command of the log. */
    :: atomic { m_cursor < commands -> m_cursor++;
        if
        :: MUTANT == 3 -> cursor = m_cursor
        :: else
        fi }
    /* The journal's transaction: inbox and cursor, and what was begun and ended. */
    :: atomic { cursor < m_cursor || inbox < m_cursor || begun < m_begun || ended < m_ended ->
        cursor = m_cursor; inbox = m_cursor;
        begun = m_begun; ended = m_ended; written = begun + ended }
    /* Intent, durable before the effect. */
    :: atomic { m_begun == m_ended && m_begun < inbox -> m_begun++ }
    :: atomic { MUTANT == 4 && m_begun == m_ended && m_begun < m_cursor ->
        m_begun++; effects[m_begun]++; m_ended++ }
    /* The effect, which is looked for in the world first: that of an intent from before a crash. */
    :: atomic { begun == m_begun && m_ended < begun ->
        if
        :: effects[begun] == 0 || MUTANT == 6 -> effects[begun]++
        :: else
        fi;
        m_ended++ }
    /* Reports, one under way; what is not acknowledged is said again. */
    :: atomic { acked < written && len(report) == 0 ->
        report ! acked + 1, written;
        if
        :: MUTANT == 5 -> acked = written
        :: else
        fi }
    :: atomic { nempty(ack) -> ack ? upto;
        if
        :: upto > acked -> acked = upto
        :: else
        fi;
        upto = 0 }
    /* What is in the memory of a worker that was killed is what its journal says. */
    :: atomic { faults > 0 -> faults--;
        m_cursor = cursor; m_begun = begun; m_ended = ended }
    /* ... or it was killed when it had done what nobody has heard of. */
    :: atomic { faults > 0 && begun == m_begun && m_ended < begun && effects[begun] == 0 -> faults--;
        effects[begun]++;
        m_cursor = cursor; m_begun = begun; m_ended = ended }
    od
}

active proctype network()
{
    byte id, first, last;

end:
    do
    :: atomic { faults > 0 && nempty(submit) -> submit ? id; faults--; id = 0 }
    :: atomic { faults > 0 && nempty(answer) -> answer ? id; faults--; id = 0 }
    :: atomic { faults > 0 && nempty(report) -> report ? first, last; faults--; first = 0; last = 0 }
    :: atomic { faults > 0 && nempty(ack) -> ack ? id; faults--; id = 0 }
    :: atomic { faults > 0 && len(submit) == 1 -> submit ? <id>; faults--; submit ! id; id = 0 }
    :: atomic { faults > 0 && len(report) == 1 -> report ? <first, last>; faults--;
        report ! first, last; first = 0; last = 0 }
    :: atomic { faults > 0 && len(ack) == 1 -> ack ? <id>; faults--; ack ! id; id = 0 }
    od
}

#define IS_ONCE(n) (effects[n] <= 1 && outcomes[n] <= 1 && said[n] <= 1)

/* Nothing can happen any more but what was told already. */
#define IS_STILL                                                                        \
    (len(submit) == 0 && len(answer) == 0 && len(report) == 0 && len(ack) == 0 &&       \
     asked > COMMANDS && next_commands == 0 && next_events == 0 && m_cursor == commands && \
     inbox == m_cursor && ended == m_ended && begun == m_begun && m_begun == inbox &&   \
     m_ended == begun && acked == written && due_answer == 0 && !due_ack)

active proctype promises()
{
end:
    do
    :: atomic { !(IS_ONCE(1) && IS_ONCE(2)) -> assert(false) }      /* at most once */
    :: atomic { answered > commands -> assert(false) }              /* acknowledged => durable */
    :: atomic { acked > events -> assert(false) }
    :: atomic { effects[1] + effects[2] > inbox -> assert(false) }  /* asked for */
    :: atomic { events > written -> assert(false) }                 /* in the journal's order */
    :: atomic { cursor > inbox -> assert(false) }
    :: atomic { IS_STILL && (outcomes[1] != 1 || outcomes[2] != 1) -> assert(false) }
    od
}
