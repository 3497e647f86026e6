# The jar of io.scramtoken.kafka, with the library of this machine's platform in it.
JAR := build/java/scramtoken-kafka-$(VERSION).jar
JAR_LIBRARY := build/jar/META-INF/native/linux-$(shell uname -m)/libscramtoken.so

.PHONY: jar

jar: $(JAR) ## build the jar for Kafka's class path, with sources and Javadoc

$(JAR): $(LIBRARY) java/pom.xml $(shell find java/src -type f)
	install -D -m 755 $(LIBRARY) $(JAR_LIBRARY)
	mvn --batch-mode --quiet --file java/pom.xml package
