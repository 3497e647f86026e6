package io.scramtoken.kafka;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.security.scram.ScramCredential;
import org.apache.kafka.common.security.scram.internals.ScramFormatter;
import org.apache.kafka.common.security.scram.internals.ScramMechanism;

/**
 * The table of misuse that all doors share, through the native methods. Here the first message and the
 * login are one call, and so are a supply and the step after it; what cannot be called is skipped.
 */
final class Misuse {
    private static final String MECHANISM = "SCRAM-SHA-512";
    private static final byte[] SALT = "0123456789abcdef".getBytes(StandardCharsets.UTF_8);

    private final String title;
    private final NativeSource user;
    private final NativeSource token;
    private final NativeListener listener;
    private NativeServer server;
    private NativeClient client;
    private byte[] challenge;
    private String verdict = "UNDECIDED";

    private Misuse(String title, NativeSource user, NativeSource token) throws NativeException {
        this.title = title;
        this.user = user;
        this.token = token;
        listener = new NativeListener(false, false, new byte[16], null, 4096, 4096, null);
    }

    static void run(Path table) throws Exception {
        Path user = secret("{\"username\":\"user\",\"password\":\"pencil\"}");
        Path token = secret("{\"token_id\":\"token-id\",\"hmac\":\"aG1hYw==\"}");
        int cases = 0;
        try (NativeSource users = new NativeSource("file:" + user);
                NativeSource tokens = new NativeSource("file:" + token)) {
            for (String text : Files.readString(table).split("\ncase ")) {
                List<String> lines = new ArrayList<>(List.of(text.split("\n")));
                String title = lines.remove(0);
                if (title.startsWith("server:")) {
                    new Misuse(title, users, tokens).onServer(lines);
                    cases++;
                } else if (title.startsWith("client:")) {
                    new Misuse(title, users, tokens).onClient(lines);
                    cases++;
                }
            }
        } finally {
            Files.delete(user);
            Files.delete(token);
        }
        if (cases < 17) {
            throw new AssertionError(cases + " cases");
        }
    }

    private static Path secret(String json) throws Exception {
        Path file = Files.createTempFile("scramtoken-misuse", ".json");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        return Files.writeString(file, json);
    }

    private void onServer(List<String> lines) throws Exception {
        for (String line : lines) {
            if (line.isEmpty() || line.startsWith("#")) {
                continue;
            }
            String call = line.substring(0, line.indexOf(' '));
            String expected = line.substring(line.indexOf(' ') + 1);
            switch (call) {
                case "first":
                case "first-token":
                    if (server == null) {
                        expect(call, expected, () -> first(call.equals("first") ? user : token));
                    }
                    break;
                case "user":
                    expectSupply(call, expected, NativeServer.USER, "pencil");
                    break;
                case "token":
                    expectSupply(call, expected, NativeServer.TOKEN, "aG1hYw==");
                    break;
                case "nobody":
                    expectSupply(call, expected, NativeServer.NOBODY, "none");
                    break;
                case "rubbish":
                    if (server != null) {
                        expect(call, expected, () -> finish("rubbish".getBytes()));
                    } else {
                        expect(call, expected, () -> {
                            NativeServer.begin(listener, MECHANISM, "rubbish".getBytes());
                            return "CONTINUE";
                        });
                        return; // there is no login to go on with
                    }
                    break;
                case "final":
                    byte[] answer = client.answer(challenge);
                    expect(call, expected, () -> finish(answer));
                    break;
                case "verdict":
                    check(call, expected, verdict);
                    break;
                case "resume":
                    break; // is part of the supply
                default:
                    throw new AssertionError(call);
            }
        }
    }

    private String first(NativeSource source) throws NativeException {
        client = NativeClient.begin(MECHANISM, source, IterationLimits.DEFAULT);
        server = NativeServer.begin(listener, MECHANISM, client.first());
        return server.challenge() == null ? "NEED_CREDENTIAL" : "CONTINUE";
    }

    private void expectSupply(String call, String expected, int kind, String secret)
            throws Exception {
        if (server == null) {
            return;
        }
        ScramFormatter formatter = new ScramFormatter(ScramMechanism.SCRAM_SHA_512);
        byte[] salted = formatter.saltedPassword(secret, SALT, 4096);
        byte[] storedKey = formatter.storedKey(formatter.clientKey(salted));
        byte[] serverKey = formatter.serverKey(salted);
        ScramCredential credential = new ScramCredential(SALT, storedKey, serverKey, 4096);
        expect(call, expected, () -> {
            challenge = server.supply(kind, credential, "alice", -1);
            return "OK";
        });
    }

    private String finish(byte[] message) throws NativeException {
        server.finish(message, false);
        verdict = "AUTHENTICATED";
        return "OK";
    }

    /** A client of Java's has its credential and its settings from the beginning. */
    private void onClient(List<String> lines) throws Exception {
        for (String line : lines) {
            if (line.isEmpty() || line.startsWith("#")) {
                continue;
            }
            String call = line.substring(0, line.indexOf(' '));
            String expected = line.substring(line.indexOf(' ') + 1);
            switch (call) {
                case "start":
                    if (client == null && expected.equals("CONTINUE")) {
                        client = NativeClient.begin(MECHANISM, user, IterationLimits.DEFAULT);
                    }
                    break;
                case "cancel":
                    if (client == null) {
                        return; // nothing to cancel before the start
                    }
                    client.cancel();
                    break;
                case "rubbish":
                    expect(call, expected, () -> answer("rubbish".getBytes()));
                    break;
                case "challenge":
                    String first = new String(client.first(), StandardCharsets.UTF_8);
                    String nonce = first.substring(first.indexOf(",r=") + 3);
                    String message = "r=" + nonce + "theirs,s=MDEyMzQ1Njc4OWFiY2RlZg==,i=4096";
                    expect(call, expected, () -> answer(message.getBytes()));
                    break;
                default:
                    break; // credential, nonce, limits, message: no such calls
            }
        }
    }

    private String answer(byte[] message) throws NativeException {
        client.answer(message);
        return "CONTINUE";
    }

    private interface Call {
        String run() throws Exception;
    }

    private void expect(String call, String expected, Call runs) throws Exception {
        String got;
        try {
            got = runs.run();
        } catch (NativeException e) {
            got = e.status();
            if (!got.equals("INVALID_STATE") && !got.equals("INVALID_ARGUMENT")) {
                verdict = "REJECTED";
            }
        }
        check(call, expected, got);
    }

    private void check(String call, String expected, String got) {
        if (!got.equals(expected)) {
            throw new AssertionError(title + ": " + call + " is " + got + ", not " + expected);
        }
    }
}
