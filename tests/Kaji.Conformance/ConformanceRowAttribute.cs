namespace Kaji.Conformance;

/// <summary>The test proves a row of the Kubernetes conformance suite, named as there. https://github.com/kubernetes/kubernetes/blob/master/test/conformance/testdata/conformance.yaml</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class ConformanceRowAttribute(string codename) : Attribute
{
    public string Codename { get; } = codename;
}
