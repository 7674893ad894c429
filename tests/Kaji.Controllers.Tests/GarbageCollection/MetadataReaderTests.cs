using System.Buffers;
using System.Text;
using Kaji.Controllers.GarbageCollection;

namespace Kaji.Controllers.Tests.GarbageCollection;

public sealed class MetadataReaderTests
{
    private const string Pod = """
        {"kind":"Pod","apiVersion":"v1","spec":{"metadata":{"name":"not this"},"containers":[{"name":"c"}]},"metadata":{"name":"p","namespace":"n","uid":"u1","resourceVersion":"7","labels":{"uid":"no"},
        "deletionTimestamp":"2026-01-01T00:00:00Z","finalizers":["a","foregroundDeletion"],"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"r","uid":"u0","controller":true,"blockOwnerDeletion":true},
        {"apiVersion":"v1","kind":"ConfigMap","name":"m","uid":"u9"}]},"status":{}}
        """;

    [Fact]
    public void ReadObject_TakesTheMetadata_AndNothingElse()
    {
        var read = MetadataReader.ReadObject(Encoding.UTF8.GetBytes(Pod));
        Assert.Equal(("n", "p", "u1", "7", true), (read.Namespace, read.Name, read.Uid, read.ResourceVersion, read.Deleting));
        Assert.Equal(["a", "foregroundDeletion"], read.Finalizers);
        Assert.Equal([new OwnerRef("apps/v1", "ReplicaSet", "r", "u0", true), new OwnerRef("v1", "ConfigMap", "m", "u9", false)], read.Owners);
        Assert.Equal(["apps", ""], read.Owners.Select(o => o.Group));
        Assert.True(read.WaitsForDependents);
        Assert.False(read.LetsDependentsGo);
    }

    [Theory]
    [InlineData("""{"metadata":{"resourceVersion":"9","continue":"c1"},"items":[]}""", 0, "c1")]
    [InlineData("""{"items":[{"metadata":{"name":"a","uid":"1"}},{"metadata":{"name":"b","uid":"2","finalizers":[],"ownerReferences":[]}},{"spec":{}}],"metadata":{"resourceVersion":"9"}}""", 3, "")]
    [InlineData("""{"items":null,"metadata":{"resourceVersion":"9"}}""", 0, "")]
    public void ReadList_TakesItemsAndPlace(string json, int count, string next)
    {
        var items = new List<ObjectMetadata>();
        Assert.Equal(("9", next), MetadataReader.ReadList(Encoding.UTF8.GetBytes(json), items));
        Assert.Equal(count, items.Count);
        Assert.All(items, i => Assert.Empty(i.Owners));
    }

    [Fact]
    public void ReadEvent_AcrossSegments_IsTheSame()
    {
        var line = Encoding.UTF8.GetBytes("""{"type":"MODIFIED","object":""" + Pod.ReplaceLineEndings("") + "}");
        for (var cut = 1; cut < line.Length; cut += 7)
        {
            var last = new Segment(line.AsMemory(cut), cut);
            var (type, obj, _) = MetadataReader.ReadEvent(new ReadOnlySequence<byte>(new Segment(line.AsMemory(0, cut), 0, last), 0, last, line.Length - cut));
            Assert.Equal(("MODIFIED", "u1", 2), (type, obj!.Uid, obj.Owners.Count));
        }
    }

    [Fact]
    public void ReadEvent_OfAnError_HasTheCode()
    {
        var line = """{"type":"ERROR","object":{"kind":"Status","metadata":{},"code":410,"reason":"Expired"}}"""u8.ToArray();
        Assert.Equal(("ERROR", null, 410), MetadataReader.ReadEvent(new ReadOnlySequence<byte>(line)));
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long index, Segment? next = null) => (Memory, RunningIndex, Next) = (memory, index, next);
    }
}
