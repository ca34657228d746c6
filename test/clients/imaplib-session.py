"""What a program with Python's imaplib does, over TLS: arguments are port, login, password. Ends with 0 if all of it was as it should."""
import imaplib
import ssl
import sys
import time

port, login, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


def done(answer):
    kind, data = answer
    assert kind == "OK", (kind, data)
    return data


def session():
    client = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=context)
    done(client.login(login, password))
    return client


def message(subject, body="Hello.\r\n"):
    return f"From: a@example.net\r\nSubject: {subject}\r\n\r\n{body}".encode()


one = session()
assert {b"IDLE", b"UIDPLUS", b"MOVE"} <= set(done(one.capability())[0].split())
done(one.create("Python/Entw&APw-rfe"))
done(one.subscribe("Python/Entw&APw-rfe"))
assert any(b"Entw&APw-rfe" in line for line in done(one.list('""', "Python/*")))
assert any(b"Entw&APw-rfe" in line for line in done(one.lsub()))

for number in range(20):
    when = imaplib.Time2Internaldate(time.time() - number * 86400)
    done(one.append("Python/Entw&APw-rfe", r"\Seen" if number % 2 else None, when, message(f"number {number}")))
# Larger than any buffer on the way.
done(one.append("Python/Entw&APw-rfe", None, None, message("large", "0123456789abcdef" * 64 * 1024 + "\r\n")))
assert done(one.status("Python/Entw&APw-rfe", "(MESSAGES UNSEEN UIDNEXT SIZE)")) == [
    b"Python/Entw&APw-rfe (MESSAGES 21 UNSEEN 11 UIDNEXT 22 SIZE %d)"
    % (sum(len(message(f"number {n}")) for n in range(20)) + len(message("large", "0123456789abcdef" * 65536 + "\r\n")))
]

assert done(one.select("Python/Entw&APw-rfe")) == [b"21"]
assert done(one.search(None, "UNSEEN", "SUBJECT", '"number 4"'))[0] == b"5"
assert done(one.search("UTF-8", "SUBJECT", '"large"'))[0] == b"21"
(_, body), *_ = done(one.fetch("21", "(UID BODY.PEEK[])"))
assert body.endswith(b"0123456789abcdef\r\n") and len(body) > 2**20, len(body)
flags = done(one.fetch("1:3", "(FLAGS)"))
assert [rb"\Seen" in imaplib.ParseFlags(line) for line in flags] == [False, True, False], flags

# A second session sees what the first one does, and the other way round.
two = session()
done(two.select("Python/Entw&APw-rfe"))
done(one.store("1", "+FLAGS", r"(\Flagged $Label1)"))
two.response("FETCH")
done(two.noop())
assert any(rb"\Flagged" in (line or b"") for line in two.response("FETCH")[1])
done(two.uid("STORE", "2:3", "+FLAGS.SILENT", r"(\Deleted)"))
assert done(two.expunge()) == [b"2", b"2"]
done(one.noop())
assert one.response("EXPUNGE")[1] == [b"2", b"2"]

done(one.create("Python/Done"))
done(one.uid("MOVE", "4:5", "Python/Done"))
done(one.uid("COPY", "6", "Python/Done"))
assert done(one.status("Python/Done", "(MESSAGES)")) == [b"Python/Done (MESSAGES 3)"]
assert done(two.noop()) and two.response("EXPUNGE")[1] == [b"2", b"2"]
assert len(done(one.sort("(REVERSE DATE)", "UTF-8", "ALL"))[0].split()) == 17
assert one.getquotaroot("INBOX")[0] == "OK"
done(one.namespace())

done(one.rename("Python/Done", "Python/Old"))
done(one.close())
done(one.delete("Python/Old"))
assert one.select("Python/Old")[0] == "NO"
one.logout()
two.logout()
