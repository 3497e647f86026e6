import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.List;
import org.apache.kafka.common.metadata.DelegationTokenRecord;
import org.apache.kafka.metadata.util.BatchFileReader;
import org.apache.kafka.metadata.util.BatchFileWriter;
import org.apache.kafka.server.common.ApiMessageAndVersion;

/**
 * Adds delegation tokens to the records that a formatted node begins with, each of one of a thousand owners and
 * with a renewer.
 *
 * <p>Arguments: the file of records, how many. The admin client would need hours for a hundred thousand: with each
 * new token, brokers copy the map of all of them.
 */
public class MakeTokens {
    private static final long DAY_MS = 24 * 60 * 60 * 1000;

    public static void main(String[] arguments) throws Exception {
        Path path = Path.of(arguments[0]);
        Path more = path.resolveSibling(path.getFileName() + ".more");
        SecureRandom random = new SecureRandom();
        long nowMs = System.currentTimeMillis();
        try (BatchFileReader before = new BatchFileReader.Builder().setPath(path.toString()).build();
                BatchFileWriter out = BatchFileWriter.open(more)) {
            while (before.hasNext()) {
                BatchFileReader.BatchAndType batch = before.next();
                if (!batch.isControl()) {
                    out.append(batch.batch().records());
                }
            }
            for (int number = 0; number < Integer.parseInt(arguments[1]); number++) {
                byte[] id = new byte[16];
                random.nextBytes(id);
                DelegationTokenRecord token = new DelegationTokenRecord()
                        .setOwner("User:user-" + number % 1000)
                        .setRequester("User:user-" + number % 1000)
                        .setRenewers(List.of("User:admin"))
                        .setIssueTimestamp(nowMs)
                        .setMaxTimestamp(nowMs + 7 * DAY_MS)
                        .setExpirationTimestamp(nowMs + DAY_MS)
                        .setTokenId(Base64.getUrlEncoder().withoutPadding().encodeToString(id));
                out.append(new ApiMessageAndVersion(token, (short) 0));
            }
        }
        Files.move(more, path, StandardCopyOption.REPLACE_EXISTING);
    }
}
