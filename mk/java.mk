# The jar of io.scramtoken.kafka, with the library of this machine's platform in it.
JAR := build/java/scramtoken-kafka-$(VERSION).jar
LIBC := $(if $(findstring musl,$(shell rustc -vV | sed -n 's/^host: //p')),-musl)
JAR_LIBRARY := build/jar/META-INF/native/linux-$(shell uname -m)$(LIBC)/libscramtoken.so
MAVEN := mvn --batch-mode --quiet -Drevision=$(VERSION)

.PHONY: jar

jar: $(JAR) ## build the jar for Kafka's class path, with sources and Javadoc

$(JAR): $(LIBRARY) java/pom.xml THIRD-PARTY $(shell find java/src -type f)
	$(call say,The jar: half a minute$(,) a minute more the first time)
	install -D -m 755 $(LIBRARY) $(JAR_LIBRARY)
	rm -rf build/java/classes build/java/reports # Maven keeps there what is gone from the sources
	$(MAVEN) --file java/pom.xml package

# A JVM for each row, the first failure ends it all: processor time, and what is left to the garbage collector.
JMH := org.openjdk.jmh.Main -foe true -f 1 -wi 6 -w 1 -i 10 -r 300ms -prof io.scramtoken.bench.CpuTime -prof gc

.PHONY: bench-java

bench-java: $(JAR) $(VENV)/.ready ## measure logins on a JVM beside Kafka's own classes (some minutes)
	mvn --batch-mode --quiet --file benches/java/pom.xml compile
	mkdir -p build/bench
	java -cp "$(JAR):build/bench-java/classes:build/bench-java/lib/*" $(JMH) \
	  -rf json -rff build/bench/java.json
	$(VENV)/bin/python -m benches.tables.jvm | tee build/bench/java.md
