import java.io.BufferedReader;
import java.io.FileReader;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.CreateDelegationTokenOptions;
import org.apache.kafka.clients.admin.ExpireDelegationTokenOptions;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.token.delegation.DelegationToken;
import org.apache.kafka.common.security.token.delegation.TokenInformation;

/**
 * Kafka's own admin client kept open, so that a test pays for one JVM and not for one a request.
 *
 * <p>A request is a line on standard input, its answer a line on standard output; fields are
 * separated by tabs. An answer begins with "ok" or with "error", the exception's class and message.
 */
public class AdminLoop {
    private final Properties config = new Properties();
    private Admin admin;

    public static void main(String[] args) throws Exception {
        AdminLoop loop = new AdminLoop();
        try (Reader file = new FileReader(args[0])) {
            loop.config.load(file);
        }
        BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            System.out.println(loop.answer(line.split("\t", -1)));
        }
    }

    private String answer(String[] request) throws InterruptedException {
        try {
            List<String> fields = new ArrayList<>(List.of("ok"));
            fields.addAll(handle(request));
            return String.join("\t", fields);
        } catch (ExecutionException e) {
            return error(e.getCause());
        } catch (RuntimeException e) {
            return error(e);
        }
    }

    private static String error(Throwable e) {
        String message = String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
        return String.join("\t", "error", e.getClass().getSimpleName(), message);
    }

    private List<String> handle(String[] request)
            throws ExecutionException, InterruptedException {
        switch (request[0]) {
            case "ready":
                return ready(Integer.parseInt(request[1]));
            case "login":
                return login(request);
            case "add-user":
                return addUser(request[1], request[2], request[3], Integer.parseInt(request[4]));
            case "create-token":
                return createToken(request[1], Long.parseLong(request[2]), request[3]);
            case "may":
                return may(request);
            case "expire-token":
                return expireToken(request[1], Long.parseLong(request[2]));
            default:
                throw new IllegalArgumentException("unknown request " + request[0]);
        }
    }

    /** Waits until this many nodes take logins. Before that, attempts fail in many ways. */
    private List<String> ready(int nodes) throws InterruptedException {
        if (admin != null) {
            admin.close();
        }
        while (true) {
            Admin candidate = Admin.create(config);
            try {
                if (candidate.describeCluster().nodes().get().size() == nodes) {
                    admin = candidate;
                    return List.of();
                }
            } catch (ExecutionException e) {
                System.err.println("not ready: " + e.getCause());
            }
            candidate.close();
            Thread.sleep(200);
        }
    }

    /** login: bootstrap, security.protocol, mechanism, name, password, is it a token? */
    private List<String> login(String[] request) throws ExecutionException, InterruptedException {
        Properties login = new Properties();
        login.putAll(config);
        login.put("bootstrap.servers", request[1]);
        login.put("security.protocol", request[2]);
        login.put("sasl.mechanism", request[3]);
        login.put("sasl.jaas.config", jaas(request[3], request[4], request[5], request[6]));
        try (Admin client = Admin.create(login)) {
            client.describeCluster().nodes().get();
            return List.of();
        }
    }

    private static String jaas(String mechanism, String name, String password, String tokenAuth) {
        String module = mechanism.equals("PLAIN") ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
        String token = Boolean.parseBoolean(tokenAuth) ? " tokenauth=\"true\"" : "";
        return String.format(
                "org.apache.kafka.common.security.%s required username=\"%s\" password=\"%s\"%s;",
                module, name, password, token);
    }

    private List<String> addUser(String name, String mechanism, String password, int iterations)
            throws ExecutionException, InterruptedException {
        ScramCredentialInfo info =
                new ScramCredentialInfo(ScramMechanism.fromMechanismName(mechanism), iterations);
        admin.alterUserScramCredentials(
                List.of(new UserScramCredentialUpsertion(name, info, password))).all().get();
        return List.of();
    }

    /** The answer: id, HMAC, expiry timestamp, max timestamp. */
    @SuppressWarnings("deprecation") // Kafka 4 renamed maxlifeTimeMs; the old name is in all versions
    private List<String> createToken(String owner, long maxLifetimeMs, String renewers)
            throws ExecutionException, InterruptedException {
        List<KafkaPrincipal> principals = new ArrayList<>();
        for (String renewer : renewers.isEmpty() ? new String[0] : renewers.split(",")) {
            principals.add(principal(renewer));
        }
        CreateDelegationTokenOptions options = new CreateDelegationTokenOptions()
                .owner(principal(owner))
                .renewers(principals);
        options.maxlifeTimeMs(maxLifetimeMs);
        DelegationToken token = admin.createDelegationToken(options).delegationToken().get();
        TokenInformation info = token.tokenInfo();
        return List.of(
                info.tokenId(),
                token.hmacAsBase64String(),
                String.valueOf(info.expiryTimestamp()),
                String.valueOf(info.maxTimestamp()));
    }

    /** may: principal, operation, kind of resource, its name, is it allowed? */
    private List<String> may(String[] request) throws ExecutionException, InterruptedException {
        ResourceType type = ResourceType.valueOf(request[3]);
        AclOperation operation = AclOperation.valueOf(request[2]);
        AclBinding acl = new AclBinding(
                new ResourcePattern(type, request[4], PatternType.LITERAL),
                new AccessControlEntry(request[1], "*", operation, AclPermissionType.ALLOW));
        if (Boolean.parseBoolean(request[5])) {
            admin.createAcls(List.of(acl)).all().get();
        } else {
            admin.deleteAcls(List.of(acl.toFilter())).all().get();
        }
        return List.of();
    }

    private static KafkaPrincipal principal(String text) {
        String[] parts = text.split(":", 2);
        return new KafkaPrincipal(parts[0], parts[1]);
    }

    private List<String> expireToken(String hmac, long periodMs)
            throws ExecutionException, InterruptedException {
        ExpireDelegationTokenOptions options =
                new ExpireDelegationTokenOptions().expiryTimePeriodMs(periodMs);
        long expiry = admin.expireDelegationToken(Base64.getDecoder().decode(hmac), options)
                .expiryTimestamp().get();
        return List.of(String.valueOf(expiry));
    }
}
